import { MqError } from '../../base/errors.ts'
import type { CommandParts, RemotingCommand } from '../../protocol/remoting-command.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'

/** Requests from the broker to its clients, over the connections that their heartbeats come by. */
export class ClientChannels {
  readonly #connections: ReadonlyMap<number, RemotingConnection>

  constructor(connections: ReadonlyMap<number, RemotingConnection>) {
    this.#connections = connections
  }

  /** Sends a request that gets no response; nothing happens when the connection is gone. */
  sendOneway(connectionId: number, command: Omit<CommandParts, 'opaque' | 'flag'>): void {
    this.#connections.get(connectionId)?.sendOneway(command)
  }

  /** @throws MqError connectionLost, timeout */
  async invoke(
    connectionId: number,
    command: Omit<CommandParts, 'opaque'>,
    timeoutMs: number,
  ): Promise<RemotingCommand> {
    const connection = this.#connections.get(connectionId)
    if (!connection) throw new MqError('connectionLost', `connection ${connectionId} is closed`)
    return connection.invoke(command, timeoutMs)
  }

  close(connectionId: number): void {
    this.#connections.get(connectionId)?.destroy()
  }
}
