/**
 * The ports through which everything below `server` reaches the world. `base/host/` fulfils them: with the real clock, disk
 * and network, and with virtual, in-memory and faulty ones, so that a whole cluster runs in one process under a seed.
 */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly net: Net
  readonly log: Logger
  /** Memory of the machine: what RocketMQ's "40 % of memory" rules count from. */
  readonly memoryBytes: number
}

/** Time. The wall clock may jump; the monotonic one never does. */
export interface Clock {
  /** Milliseconds since 1970, whole. */
  nowMs(): number
  /** Milliseconds since an arbitrary start, with fractions, never falling. */
  monoMs(): number
  /** Runs `callback` once, `delayMs` (>= 0) of monotonic time from now. */
  after(delayMs: number, callback: () => void): Timer
  /**
   * Runs `callback` once, when all input that has arrived by now has been handled: the batch border of design rule 3.
   * Callbacks registered while end-of-turn callbacks run belong to the next turn.
   */
  endOfTurn(callback: () => void): void
  /** A wall-clock instant as the calendar of this machine's time zone has it. */
  localTime(epochMs: number): LocalTime
}

/** Month and day count from 1. */
export interface LocalTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly millisecond: number
}

export interface Timer {
  /** Does nothing when the timer has fired or was cancelled before. */
  cancel(): void
}

/** Random numbers. A fork is an independent stream named by its label, so a new user of randomness does not shift the others. */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  u32(): number
  bytes(count: number): Buffer
  fork(label: string): Random
}

/** How a file is opened: for reading only, for both with the file there, or for both, made when missing (0 bytes). */
export type OpenMode = 'read' | 'write' | 'create'

export interface FileStat {
  readonly sizeBytes: number
  /** When its content was last changed, wall clock. */
  readonly modifiedMs: number
  readonly isDirectory: boolean
}

export interface DiskSpace {
  readonly totalBytes: number
  /** What an ordinary process may still fill. */
  readonly freeBytes: number
}

/**
 * Files and directories. Paths are `/`-joined. Every call may throw an error with an errno name as `code` (`errnoOf`).
 * Synchronous calls are for what is quick (page cache, names); promises for what may wait for the device.
 */
export interface Disk {
  /** @throws ENOENT for modes `read` and `write` when the file is missing */
  openSync(path: string, mode: OpenMode): File
  /** Makes the directory and its parents; no error when it is there. */
  mkdirSync(path: string): void
  /** Names in the directory, sorted by code unit; empty when the directory does not exist. */
  listSync(path: string): string[]
  list(path: string): Promise<string[]>
  statSync(path: string): FileStat | undefined
  /**
   * Offset behind the last byte of a file, from `position` on, that is not zero; `position` when only zeros follow. Quick where they
   * take no room.
   */
  dataEndSync(path: string, position: number): number
  /** Replaces `to` when it exists. Durable after `syncDirSync` of the directories concerned. */
  renameSync(from: string, to: string): void
  unlinkSync(path: string): void
  /** As `unlinkSync`; a large file may take long. */
  unlink(path: string): Promise<void>
  /** Removes an empty directory. */
  rmdirSync(path: string): void
  /** Makes creations, renames and unlinks in this directory durable. */
  syncDirSync(path: string): void
  /** As `syncDirSync`, off the event loop: on a busy disk it takes a tenth of a second and more. */
  syncDir(path: string): Promise<void>
  space(path: string): DiskSpace
  /**
   * How much the device has been read for this process so far, in a unit of the system's: whether a read that took long has waited for
   * it, or only for a core. Undefined where the system does not tell.
   */
  deviceReads(): number | undefined
  /**
   * Takes the file as a lock for this process until `release` or the death of the process.
   * @throws MqError storeLocked with the owner in its text
   */
  lockSync(path: string): DiskLock
}

export interface DiskLock {
  release(): void
}

/** An open file. Positions and sizes in bytes. Writes beyond the end grow the file, the gap reads as zeros. */
export interface File {
  /**
   * Writes the buffers one behind the other from `position` on.
   * @returns bytes written, fewer than given on a short write (a full disk); an error if nothing could be written
   */
  writeSync(buffers: readonly Buffer[], position: number): number
  /** As `writeSync`, off the event loop. The buffers must not change until it is done. */
  write(buffers: readonly Buffer[], position: number): Promise<number>
  /** Fills `target` from `position` on. @returns bytes read, fewer only at the end of the file */
  readSync(target: Buffer, position: number): number
  read(target: Buffer, position: number): Promise<number>
  /** Makes all bytes written so far durable. A failure is final for this handle: what is durable is then unknown. */
  datasync(): Promise<void>
  datasyncSync(): void
  /** Cuts or extends (with zeros that take no room) to this size. */
  truncateSync(sizeBytes: number): void
  sizeSync(): number
  closeSync(): void
}

export interface Endpoint {
  /** An IP address, or a name for `connect` and `listen`. */
  readonly host: string
  readonly port: number
}

/** What one end of TLS shows and believes; texts are PEM. */
export interface TlsCredentials {
  /** Its own certificate, with those between it and its authority behind it. */
  readonly certificate?: string | undefined
  readonly privateKey?: string | undefined
  /** Opens an encrypted private key. */
  readonly passphrase?: string | undefined
  /** Certificates of the authorities that vouch for the other end; those that Node.js trusts when left out. */
  readonly trusted?: string | undefined
}

/** TLS where connections are accepted, on the port that also takes plain ones (protocol/remoting.md §9). */
export interface ServerTls {
  /** Whether connections without TLS are served too, or closed. */
  readonly mode: 'permissive' | 'enforcing'
  /** Whether clients may, or must, show a certificate; one that is shown is always checked. */
  readonly clientAuth: 'none' | 'optional' | 'require'
  /** Read again for every connection: another object counts from the next one on. */
  readonly credentials: TlsCredentials
}

/** TLS where connections are made. */
export interface ClientTls {
  /** Whether the server's certificate must be vouched for and carry the name that was dialled. */
  readonly verifiesServer: boolean
  /** The name that the certificate must carry instead of the one dialled. */
  readonly serverName?: string | undefined
  /** Read again for every connection. */
  readonly credentials: TlsCredentials
}

/** How a network is secured; what is left out stays plain. */
export interface NetSecurity {
  readonly server?: ServerTls | undefined
  readonly client?: ClientTls | undefined
}

export interface Net {
  /**
   * Accepts connections; port 0 takes a free one.
   * @throws MqError portTaken
   */
  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener>
  /** @throws MqError connectionLost when refused or unreachable, timeout after `timeoutMs` */
  connect(to: Endpoint, timeoutMs: number): Promise<Connection>
  /** The same network with TLS. @throws MqError badSetting when the credentials cannot be used */
  secured(security: NetSecurity): Net
}

export interface Listener {
  /** Where it listens, with the port that was really taken. */
  readonly endpoint: Endpoint
  /** Stops accepting; open connections stay. */
  close(): Promise<void>
}

/** What a connection tells its owner. `closed` comes exactly once, after the last `data`. */
export interface ConnectionEvents {
  /** The chunk is lent: it is good until this returns, and what is kept of it must be copied. */
  data(chunk: Buffer): void
  /** All that was written has left for the kernel after a `write` returned false. */
  drained(): void
  closed(error: Error | undefined): void
}

/** A byte stream between two hosts. Half-closed counts as closed. */
export interface Connection {
  readonly remote: Endpoint
  readonly local: Endpoint
  /** Bytes taken by `write` and not yet handed to the kernel. */
  readonly bufferedBytes: number
  /** Says who hears of data; until then nothing is read. */
  start(events: ConnectionEvents): void
  /** @returns true when all bytes written so far are with the kernel, so that the buffer may be used again at once */
  write(bytes: Buffer): boolean
  /** Reads nothing more until `resume`. */
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once; what was not sent is lost. */
  destroy(): void
}

/** The part of pino's logger that is used; any logger of that shape may be passed in. */
export interface Logger {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}
