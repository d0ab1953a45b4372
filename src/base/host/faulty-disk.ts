import type { Clock, Disk, DiskLock, DiskSpace, File, FileStat, OpenMode, Random } from '../host.ts'
import { CrashError, type DiskCall, DiskFaults, type DiskOp, type FaultFilter } from './disk-faults.ts'
import { errnoError } from './errno-error.ts'
import { type DirectoryNode, FileNode, FileTree, namesOf } from './file-tree.ts'
import { MemoryDisk, type MemoryFile } from './memory-disk.ts'
import { type NameEdit, type PowerLossOutcome, Unsynced } from './unsynced.ts'

export interface FaultyDiskOptions {
  /** Gives files their modification time. */
  readonly clock: Pick<Clock, 'nowMs'>
  /**
   * Room for file content in bytes, as on a `MemoryDisk`: beyond it writes are short, then fail with ENOSPC.
   */
  readonly capacityBytes?: number | undefined
  /** Whether `ops` lists every op with its call site; costs a stack trace each. False by default. */
  readonly record?: boolean | undefined
}

/** What is on a faulty disk when a process begins to use it. */
interface Contents {
  readonly root: DirectoryNode
  readonly unsynced: Unsynced
}

/**
 * A disk in memory that can fail, stop its process dead and lose power. It knows what is durable: bytes after
 * a datasync of their file, names after `syncDirSync` of their directory. A rename between two directories is
 * two changes, each durable with the sync of its own directory. The disks it leaves after a crash are faulty
 * disks again, so recovery can crash too; one crash can be looked at with several outcomes. Closing a handle
 * and releasing a lock is never an error, not even after the crash.
 */
export class FaultyDisk implements Disk {
  readonly #options: FaultyDiskOptions
  readonly #live: MemoryDisk
  readonly #unsynced: Unsynced
  readonly #faults: DiskFaults

  /** `contents` comes from another faulty disk after a crash; without it the disk is empty. */
  constructor(options: FaultyDiskOptions, contents?: Contents) {
    this.#options = options
    this.#live = new MemoryDisk(options, new FileTree(contents?.root))
    this.#unsynced = contents?.unsynced ?? new Unsynced()
    this.#faults = new DiskFaults(options.record ?? false)
  }

  /** Calls that changed the disk so far, and the index of the next one. */
  get opCount(): number {
    return this.#faults.opCount
  }

  /** Those calls, in order, if the disk records. */
  get ops(): readonly DiskOp[] {
    return this.#faults.ops
  }

  get hasCrashed(): boolean {
    return this.#faults.hasCrashed
  }

  get capacityBytes(): number | undefined {
    return this.#live.capacityBytes
  }

  /** Fills the disk up or gives it room again. */
  set capacityBytes(capacityBytes: number | undefined) {
    this.#live.capacityBytes = capacityBytes
  }

  /**
   * Lets the process die in the op of this index: it and every later call throw `CrashError`. `share` says
   * how much of the op is done before: 0 nothing, 1 all of it; in between a write leaves that share of its
   * bytes, anything else nothing.
   */
  crashAt(index: number, share = 0): void {
    this.#faults.crashAt(index, share)
  }

  /** Lets the process die now: every later call throws `CrashError`. */
  crash(): void {
    this.#faults.crash('between two calls')
  }

  /**
   * Lets the calls that `when` picks fail with this errno, without effect. The bytes that a failing datasync
   * should have saved stay readable but no later datasync saves them.
   * @returns what ends the fault
   */
  fail(when: FaultFilter, errno: string): () => void {
    return this.#faults.add({ when, errno })
  }

  /** Lets the writes that `when` picks take only the first `keepBytes` bytes. @returns what ends the fault */
  shorten(when: FaultFilter, keepBytes: number): () => void {
    return this.#faults.add({ when, keepBytes })
  }

  /**
   * Lets the asynchronous calls that `when` picks wait before they take effect; when `until` rejects, they
   * fail with its error. A synchronous call cannot wait and throws.
   * @returns what ends the fault for calls to come
   */
  delay(when: FaultFilter, until: (op: DiskOp) => Promise<void>): () => void {
    return this.#faults.add({ when, until })
  }

  /** Flips the bits of `xor` in one byte, in the page cache and on the medium, without an op. */
  corrupt(path: string, position: number, xor: number): void {
    const node = this.#live.tree.find(path, 'open')
    if (!(node instanceof FileNode)) throw errnoError('ENOENT', 'open', path)
    const { modifiedMs } = node
    this.#live.change(node, () => this.#unsynced.corrupt(node, position, xor))
    node.modifiedMs = modifiedMs
  }

  /**
   * The disk as the next process finds it when this one dies now: all is there that the kernel has been
   * given.
   */
  afterProcessKill(): FaultyDisk {
    this.crash()
    return this.#successor(this.#unsynced.copy(this.#live.tree.root))
  }

  /** The disk as it is after the machine lost power now; `random` is used for the outcome `torn` only. */
  afterPowerLoss(outcome: PowerLossOutcome, random: Random): FaultyDisk {
    this.crash()
    const root = this.#unsynced.afterPowerLoss(this.#live.tree.root, outcome, random)
    return this.#successor({ root, unsynced: new Unsynced() })
  }

  openSync(path: string, mode: OpenMode): File {
    const file = this.#faults.perform({ kind: 'open', path }, () =>
      mode === 'create' && !this.#live.tree.find(path, 'open') ? undefined : this.#live.openSync(path, mode),
    )
    return new FaultyFile(file ?? this.#create(path), path, this.#faults, this.#unsynced)
  }

  mkdirSync(path: string): void {
    const isThere = this.#faults.perform({ kind: 'stat', path }, () => this.#live.tree.find(path, 'mkdir'))
    if (isThere) this.#live.mkdirSync(path) // throws when it is a file
    const names = namesOf(path)
    for (let depth = 1; depth <= names.length; depth++) {
      const part = names.slice(0, depth).join('/')
      if (!this.#live.tree.find(part, 'mkdir')) this.#makeDirectory(part)
    }
  }

  listSync(path: string): string[] {
    return this.#faults.perform({ kind: 'list', path }, () => this.#live.listSync(path))
  }

  list(path: string): Promise<string[]> {
    return this.#faults.performLater({ kind: 'list', path }, () => this.#live.listSync(path))
  }

  statSync(path: string): FileStat | undefined {
    return this.#faults.perform({ kind: 'stat', path }, () => this.#live.statSync(path))
  }

  dataEndSync(path: string, position: number): number {
    return this.#faults.perform({ kind: 'read', path }, () => this.#live.dataEndSync(path, position))
  }

  renameSync(from: string, to: string): void {
    this.#faults.perform({ kind: 'rename', path: from, to }, () => {
      const source = this.#live.tree.place(from, 'rename')
      const target = this.#live.tree.place(to, 'rename')
      this.#unsynced.watchDirectory(source.directory)
      this.#unsynced.watchDirectory(target.directory)
      this.#live.renameSync(from, to)
      if (source.node === target.node) return
      const given: NameEdit = [target.name, source.node]
      const taken: NameEdit = [source.name, undefined]
      const isOneDirectory = source.directory === target.directory
      if (isOneDirectory) this.#unsynced.namesChanged([source.directory, [given, taken]])
      else this.#unsynced.namesChanged([target.directory, [given]], [source.directory, [taken]])
    })
  }

  unlinkSync(path: string): void {
    this.#faults.perform({ kind: 'unlink', path }, () =>
      this.#remove(path, () => this.#live.unlinkSync(path)),
    )
  }

  unlink(path: string): Promise<void> {
    return this.#faults.performLater({ kind: 'unlink', path }, () =>
      this.#remove(path, () => this.#live.unlinkSync(path)),
    )
  }

  rmdirSync(path: string): void {
    this.#faults.perform({ kind: 'rmdir', path }, () => this.#remove(path, () => this.#live.rmdirSync(path)))
  }

  syncDirSync(path: string): void {
    const directory = this.#live.tree.directory(path, 'open')
    try {
      this.#faults.perform({ kind: 'syncDir', path }, () => this.#unsynced.directorySynced(directory))
    } catch (error) {
      this.#dirSyncFailed(directory, error)
    }
  }

  async syncDir(path: string): Promise<void> {
    const directory = this.#live.tree.directory(path, 'open')
    try {
      const call: DiskCall = { kind: 'syncDir', path }
      await this.#faults.performLater(call, () => this.#unsynced.directorySynced(directory))
    } catch (error) {
      this.#dirSyncFailed(directory, error)
    }
  }

  space(path: string): DiskSpace {
    return this.#faults.perform({ kind: 'space', path }, () => this.#live.space(path))
  }

  deviceReads(): number {
    return 0
  }

  lockSync(path: string): DiskLock {
    this.openSync(path, 'create').closeSync()
    return this.#faults.perform({ kind: 'lock', path }, () => this.#live.lockSync(path))
  }

  #create(path: string): MemoryFile {
    return this.#faults.perform({ kind: 'create', path }, () => {
      const { directory, name } = this.#live.tree.place(path, 'open')
      this.#unsynced.watchDirectory(directory)
      const file = this.#live.openSync(path, 'create')
      this.#unsynced.namesChanged([directory, [[name, file.node]]])
      return file
    })
  }

  #makeDirectory(path: string): void {
    this.#faults.perform({ kind: 'mkdir', path }, () => {
      const { directory, name } = this.#live.tree.place(path, 'mkdir')
      this.#unsynced.watchDirectory(directory)
      this.#live.mkdirSync(path)
      this.#unsynced.namesChanged([directory, [[name, directory.names.get(name)]]])
    })
  }

  #dirSyncFailed(directory: DirectoryNode, error: unknown): never {
    if (!(error instanceof CrashError)) this.#unsynced.directorySyncFailed(directory)
    throw error
  }

  #remove(path: string, change: () => void): void {
    const { directory, name } = this.#live.tree.place(path, 'unlink')
    this.#unsynced.watchDirectory(directory)
    change()
    this.#unsynced.namesChanged([directory, [[name, undefined]]])
  }

  #successor(contents: Contents): FaultyDisk {
    return new FaultyDisk({ ...this.#options, capacityBytes: this.capacityBytes }, contents)
  }
}

/** An open file of a `FaultyDisk`. */
class FaultyFile implements File {
  readonly #live: MemoryFile
  readonly #path: string
  readonly #faults: DiskFaults
  readonly #unsynced: Unsynced

  constructor(live: MemoryFile, path: string, faults: DiskFaults, unsynced: Unsynced) {
    this.#live = live
    this.#path = path
    this.#faults = faults
    this.#unsynced = unsynced
  }

  writeSync(buffers: readonly Buffer[], position: number): number {
    const call: DiskCall = { kind: 'write', path: this.#path, sizeBytes: bytesIn(buffers) }
    return this.#faults.perform(call, (sizeBytes) => this.#write(buffers, position, sizeBytes))
  }

  write(buffers: readonly Buffer[], position: number): Promise<number> {
    const call: DiskCall = { kind: 'write', path: this.#path, sizeBytes: bytesIn(buffers) }
    return this.#faults.performLater(call, (sizeBytes) => this.#write(buffers, position, sizeBytes))
  }

  readSync(target: Buffer, position: number): number {
    return this.#faults.perform({ kind: 'read', path: this.#path }, () =>
      this.#live.readSync(target, position),
    )
  }

  read(target: Buffer, position: number): Promise<number> {
    const call: DiskCall = { kind: 'read', path: this.#path }
    return this.#faults.performLater(call, () => this.#live.readSync(target, position))
  }

  async datasync(): Promise<void> {
    const { sequence } = this.#unsynced // what is written while it waits is not covered
    this.#live.datasyncSync() // throws when the file is closed
    try {
      await this.#faults.performLater({ kind: 'datasync', path: this.#path }, () => this.#synced(sequence))
    } catch (error) {
      this.#syncFailed(sequence, error)
    }
  }

  datasyncSync(): void {
    const { sequence } = this.#unsynced
    this.#live.datasyncSync()
    try {
      this.#faults.perform({ kind: 'datasync', path: this.#path }, () => this.#synced(sequence))
    } catch (error) {
      this.#syncFailed(sequence, error)
    }
  }

  truncateSync(sizeBytes: number): void {
    this.#faults.perform({ kind: 'truncate', path: this.#path }, () => {
      this.#unsynced.watchFile(this.#live.node)
      this.#live.truncateSync(sizeBytes)
      this.#unsynced.truncated(this.#live.node, sizeBytes)
    })
  }

  sizeSync(): number {
    return this.#faults.perform({ kind: 'stat', path: this.#path }, () => this.#live.sizeSync())
  }

  closeSync(): void {
    this.#live.closeSync()
  }

  #write(buffers: readonly Buffer[], position: number, sizeBytes: number): number {
    const bytes = Buffer.concat(buffers).subarray(0, sizeBytes)
    if (bytes.length === 0 && bytesIn(buffers) > 0) throw errnoError('ENOSPC', 'write', this.#path)
    this.#unsynced.watchFile(this.#live.node)
    const written = this.#live.writeSync([bytes], position)
    if (written > 0) this.#unsynced.written(this.#live.node, position, bytes.subarray(0, written))
    return written
  }

  #synced(sequence: number): void {
    this.#unsynced.fileSynced(this.#live.node, sequence)
  }

  #syncFailed(sequence: number, error: unknown): never {
    if (!(error instanceof CrashError)) this.#unsynced.fileSyncFailed(this.#live.node, sequence)
    throw error
  }
}

function bytesIn(buffers: readonly Buffer[]): number {
  let sizeBytes = 0
  for (const buffer of buffers) sizeBytes += buffer.length
  return sizeBytes
}
