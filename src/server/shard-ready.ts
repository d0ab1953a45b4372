/** What a shard says to its supervisor when it is started. */
export const SHARD_READY = 'ready'
