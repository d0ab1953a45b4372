/** Settings of a store whose files roll every few seconds, and whose index is as small as the disks here. */
export const smallFiles = {
  mappedFileSizeCommitLog: String(4 * 1024 * 1024),
  mappedFileSizeConsumeQueue: '20000',
  maxHashSlotNum: '5000',
  maxIndexNum: '20000',
}
