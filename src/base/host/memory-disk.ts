import { MqError } from '../errors.ts'
import type { Clock, Disk, DiskLock, DiskSpace, File, FileStat, OpenMode } from '../host.ts'
import { errnoError } from './errno-error.ts'
import { DirectoryNode, FileNode, FileTree, namesOf } from './file-tree.ts'
import { PAGE_BYTES } from './page-image.ts'

/** What `space` tells of a disk without limit. */
const UNLIMITED_BYTES = 2 ** 50

export interface MemoryDiskOptions {
  /** Gives files their modification time. */
  readonly clock: Pick<Clock, 'nowMs'>
  /** Room for file content in bytes, counted in pages of 4 KiB; unlimited by default. */
  readonly capacityBytes?: number | undefined
}

/**
 * A disk in memory. Asynchronous calls are done at once and answered in a microtask, so that virtual time
 * stays exact.
 */
export class MemoryDisk implements Disk {
  /** May be changed at any time, to fill the disk up or to give it room again. */
  capacityBytes: number | undefined
  readonly tree: FileTree
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #locks = new Set<FileNode>()
  #pagesUsed: number

  /** `tree`: what is on the disk at the beginning, by default nothing. */
  constructor(options: MemoryDiskOptions, tree = new FileTree()) {
    this.capacityBytes = options.capacityBytes
    this.#clock = options.clock
    this.tree = tree
    this.#pagesUsed = pagesBelow(tree.root, new Set())
  }

  openSync(path: string, mode: OpenMode): MemoryFile {
    const { directory, name, node } = this.tree.place(path, 'open')
    if (node instanceof DirectoryNode) throw errnoError('EISDIR', 'open', path)
    if (node) return new MemoryFile(this, node, path, mode)
    if (mode !== 'create') throw errnoError('ENOENT', 'open', path)
    const file = new FileNode(this.#clock.nowMs())
    file.nameCount = 1
    directory.names.set(name, file)
    return new MemoryFile(this, file, path, mode)
  }

  mkdirSync(path: string): void {
    const names = namesOf(path)
    let directory = this.tree.root
    for (const [depth, name] of names.entries()) {
      const node = directory.names.get(name) ?? new DirectoryNode()
      if (node instanceof FileNode) {
        throw errnoError(depth === names.length - 1 ? 'EEXIST' : 'ENOTDIR', 'mkdir', path)
      }
      directory.names.set(name, node)
      directory = node
    }
  }

  listSync(path: string): string[] {
    const node = this.tree.find(path, 'scandir')
    if (node instanceof FileNode) throw errnoError('ENOTDIR', 'scandir', path)
    return node ? [...node.names.keys()].sort() : []
  }

  async list(path: string): Promise<string[]> {
    return this.listSync(path)
  }

  statSync(path: string): FileStat | undefined {
    const node = this.tree.find(path, 'stat')
    if (node instanceof DirectoryNode) return { sizeBytes: 0, modifiedMs: 0, isDirectory: true }
    return node && { sizeBytes: node.image.sizeBytes, modifiedMs: node.modifiedMs, isDirectory: false }
  }

  dataEndSync(path: string, position: number): number {
    const node = this.tree.find(path, 'open')
    if (!(node instanceof FileNode)) throw errnoError(node ? 'EISDIR' : 'ENOENT', 'open', path)
    return node.image.dataEnd(position)
  }

  renameSync(from: string, to: string): void {
    const source = this.tree.place(from, 'rename')
    const target = this.tree.place(to, 'rename')
    const node = source.node
    if (!node) throw errnoError('ENOENT', 'rename', from)
    if (target.node === node) return
    if (target.node) checkReplaceable(node, target.node, to)
    if (
      node instanceof DirectoryNode &&
      namesOf(to)
        .join('/')
        .startsWith(`${namesOf(from).join('/')}/`)
    ) {
      throw errnoError('EINVAL', 'rename', to)
    }
    target.directory.names.set(target.name, node)
    source.directory.names.delete(source.name)
    if (target.node instanceof FileNode) this.#nameGone(target.node)
  }

  unlinkSync(path: string): void {
    const { directory, name, node } = this.tree.place(path, 'unlink')
    if (!node) throw errnoError('ENOENT', 'unlink', path)
    if (node instanceof DirectoryNode) throw errnoError('EISDIR', 'unlink', path)
    directory.names.delete(name)
    this.#nameGone(node)
  }

  async unlink(path: string): Promise<void> {
    this.unlinkSync(path)
  }

  rmdirSync(path: string): void {
    const { directory, name, node } = this.tree.place(path, 'rmdir')
    if (!node) throw errnoError('ENOENT', 'rmdir', path)
    if (node instanceof FileNode) throw errnoError('ENOTDIR', 'rmdir', path)
    if (node.names.size > 0) throw errnoError('ENOTEMPTY', 'rmdir', path)
    directory.names.delete(name)
  }

  async syncDir(path: string): Promise<void> {
    this.syncDirSync(path)
  }

  syncDirSync(path: string): void {
    this.tree.directory(path, 'open')
  }

  space(path: string): DiskSpace {
    if (!this.tree.find(path, 'statfs')) throw errnoError('ENOENT', 'statfs', path)
    const totalBytes = this.capacityBytes ?? UNLIMITED_BYTES
    return { totalBytes, freeBytes: Math.max(0, totalBytes - this.#pagesUsed * PAGE_BYTES) }
  }

  deviceReads(): number {
    return 0
  }

  lockSync(path: string): DiskLock {
    const file = this.openSync(path, 'create')
    const { node } = file
    file.closeSync()
    if (this.#locks.has(node)) throw new MqError('storeLocked', `${path} is locked by this process`)
    this.#locks.add(node)
    return { release: () => void this.#locks.delete(node) }
  }

  /**
   * For the files of this disk: changes a file's content by `change`, which is told how many new pages it may
   * take.
   * @returns what `change` returns
   */
  change<Result>(node: FileNode, change: (newPagesMax: number) => Result): Result {
    const pagesBefore = node.image.pageCount
    const pagesMax = Math.floor((this.capacityBytes ?? Number.POSITIVE_INFINITY) / PAGE_BYTES)
    const result = change(Math.max(0, pagesMax - this.#pagesUsed))
    this.#pagesUsed += node.image.pageCount - pagesBefore
    node.modifiedMs = this.#clock.nowMs()
    return result
  }

  /** For the files of this disk: frees the room of a file that has neither a name nor a handle. */
  forget(node: FileNode): void {
    if (node.nameCount === 0 && node.openCount === 0) this.#pagesUsed -= node.image.pageCount
  }

  #nameGone(node: FileNode): void {
    node.nameCount--
    this.forget(node)
  }
}

/** An open file of a `MemoryDisk`. */
export class MemoryFile implements File {
  readonly node: FileNode
  readonly #disk: MemoryDisk
  readonly #path: string
  readonly #mode: OpenMode
  #open = true

  constructor(disk: MemoryDisk, node: FileNode, path: string, mode: OpenMode) {
    this.#disk = disk
    this.#path = path
    this.#mode = mode
    this.node = node
    node.openCount++
  }

  writeSync(buffers: readonly Buffer[], position: number): number {
    this.#check('write', position, this.#mode !== 'read')
    const bytes = buffers.length === 1 ? buffers[0] : Buffer.concat(buffers)
    if (!bytes || bytes.length === 0) return 0
    const written = this.#disk.change(this.node, (newPagesMax) =>
      this.node.image.write(bytes, position, newPagesMax),
    )
    if (written === 0) throw errnoError('ENOSPC', 'write', this.#path)
    return written
  }

  async write(buffers: readonly Buffer[], position: number): Promise<number> {
    return this.writeSync(buffers, position)
  }

  readSync(target: Buffer, position: number): number {
    this.#check('read', position)
    return this.node.image.read(target, position)
  }

  async read(target: Buffer, position: number): Promise<number> {
    return this.readSync(target, position)
  }

  async datasync(): Promise<void> {
    this.datasyncSync()
  }

  datasyncSync(): void {
    this.#check('fdatasync')
  }

  truncateSync(sizeBytes: number): void {
    this.#check('ftruncate', sizeBytes, this.#mode !== 'read')
    this.#disk.change(this.node, () => this.node.image.truncate(sizeBytes))
  }

  sizeSync(): number {
    this.#check('fstat')
    return this.node.image.sizeBytes
  }

  closeSync(): void {
    this.#check('close')
    this.#open = false
    this.node.openCount--
    this.#disk.forget(this.node)
  }

  #check(syscall: string, position = 0, allowed = true): void {
    if (!this.#open || !allowed) throw errnoError('EBADF', syscall, this.#path)
    if (!Number.isSafeInteger(position) || position < 0) throw errnoError('EINVAL', syscall, this.#path)
  }
}

function checkReplaceable(
  node: FileNode | DirectoryNode,
  there: FileNode | DirectoryNode,
  path: string,
): void {
  if (there instanceof FileNode) {
    if (node instanceof DirectoryNode) throw errnoError('ENOTDIR', 'rename', path)
    return
  }
  if (node instanceof FileNode) throw errnoError('EISDIR', 'rename', path)
  if (there.names.size > 0) throw errnoError('ENOTEMPTY', 'rename', path)
}

/** `seen` keeps a file with two names from counting twice. */
function pagesBelow(directory: DirectoryNode, seen: Set<FileNode>): number {
  let pages = 0
  for (const node of directory.names.values()) {
    if (node instanceof DirectoryNode) pages += pagesBelow(node, seen)
    else if (!seen.has(node)) {
      seen.add(node)
      pages += node.image.pageCount
    }
  }
  return pages
}
