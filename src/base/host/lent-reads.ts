import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'

/**
 * Bytes that one read takes at most, four times what Node.js makes room for by itself: fewer frames are cut in two, which costs a
 * tenth of a message of 1 KiB.
 */
const READ_BYTES = 256 * 1024

/** Where all sockets read to: what one has read is handled before the next reads. */
const room = Buffer.allocUnsafeSlow(READ_BYTES)

/** What `net.Socket` understands beside its documented options; `net.Server` makes sockets so. */
interface AcceptedSocketOptions extends SocketConstructorOpts {
  readonly handle: object
  readonly onread: OnReadOpts
  readonly pauseOnCreate: boolean
}

/**
 * The reads of one socket into a buffer that all sockets share, lent to the receiver for the time of its call. By itself Node.js makes a
 * buffer for every read, and V8 marks its whole heap ten times a second to find those that are free again (a seventh of the CPU time of a
 * broker that takes batches).
 */
export class LentReads {
  /** Gets each chunk, and says whether it takes more until the socket is resumed; set before the socket reads. */
  receiver: ((chunk: Buffer) => boolean) | undefined
  /** The option of a socket that reads so. */
  readonly onread: OnReadOpts = {
    buffer: room,
    callback: (bytes) => this.receiver?.(room.subarray(0, bytes)) ?? true,
  }

  /**
   * Takes an accepted socket over, paused as it came. Node.js knows `onread` only for sockets that connect, so the connection goes to a
   * new socket, as `net.Server` makes them; where a later Node.js keeps it elsewhere, the socket stays, with reads of its own.
   */
  takeOver(accepted: Socket): Socket {
    const { _handle: handle } = accepted as { _handle?: object | null }
    if (!handle) return accepted
    const options: AcceptedSocketOptions = {
      ...{ handle, onread: this.onread },
      ...{ allowHalfOpen: false, pauseOnCreate: true, readable: true, writable: true },
    }
    const socket = new Socket(options)
    Object.assign(accepted, { _handle: null })
    accepted.destroy()
    return socket
  }
}
