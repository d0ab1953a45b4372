import fs from 'node:fs'
import { errnoOf } from '../errors.ts'
import type { Disk, DiskLock, DiskSpace, File, FileStat, OpenMode } from '../host.ts'
import { errnoError } from './errno-error.ts'
import { RealDiskLock } from './real-disk-lock.ts'
import { dataEndOf } from './zero-tail.ts'

const { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR } = fs.constants

const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY,
  write: O_RDWR,
  create: O_RDWR | O_CREAT,
}

/**
 * The disks of the machine, through `node:fs`. libuv repeats calls that a signal interrupts or that write
 * only a part.
 */
export class RealDisk implements Disk {
  /** Linux counts what the device is read for a process where it also shows it. */
  readonly #tellsReads = fs.existsSync('/proc/self/io')

  openSync(path: string, mode: OpenMode): File {
    return new RealFile(fs.openSync(path, OPEN_FLAGS[mode]), path)
  }

  mkdirSync(path: string): void {
    fs.mkdirSync(path, { recursive: true })
  }

  listSync(path: string): string[] {
    try {
      return fs.readdirSync(path).sort()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  async list(path: string): Promise<string[]> {
    try {
      return (await fs.promises.readdir(path)).sort()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  statSync(path: string): FileStat | undefined {
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    return (
      stat && {
        sizeBytes: stat.size,
        modifiedMs: Math.floor(stat.mtimeMs),
        isDirectory: stat.isDirectory(),
      }
    )
  }

  dataEndSync(path: string, position: number): number {
    return dataEndOf(path, position)
  }

  renameSync(from: string, to: string): void {
    fs.renameSync(from, to)
  }

  unlinkSync(path: string): void {
    fs.unlinkSync(path)
  }

  unlink(path: string): Promise<void> {
    return fs.promises.unlink(path)
  }

  rmdirSync(path: string): void {
    fs.rmdirSync(path)
  }

  syncDirSync(path: string): void {
    const handle = fs.openSync(path, O_RDONLY | O_DIRECTORY)
    try {
      fs.fsyncSync(handle)
    } finally {
      fs.closeSync(handle)
    }
  }

  async syncDir(path: string): Promise<void> {
    const handle = await fs.promises.open(path, O_RDONLY | O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  space(path: string): DiskSpace {
    const { bsize, blocks, bavail } = fs.statfsSync(path)
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail }
  }

  deviceReads(): number | undefined {
    return this.#tellsReads ? process.resourceUsage().fsRead : undefined
  }

  lockSync(path: string): DiskLock {
    return new RealDiskLock(path)
  }
}

/**
 * An open file of a `RealDisk`. It knows itself that it is closed, and lets the kernel close only when the
 * calls under way are done: the kernel gives the number of a closed file to the next one that is opened.
 */
class RealFile implements File {
  readonly #handle: number
  readonly #path: string
  #open = true
  #callsUnderWay = 0

  constructor(handle: number, path: string) {
    this.#handle = handle
    this.#path = path
  }

  writeSync(buffers: readonly Buffer[], position: number): number {
    this.#check('write')
    const [first] = buffers
    if (!first) return 0
    if (buffers.length === 1) return fs.writeSync(this.#handle, first, 0, first.length, position)
    return fs.writevSync(this.#handle, buffers, position)
  }

  write(buffers: readonly Buffer[], position: number): Promise<number> {
    return this.#call('write', (done) => {
      const [first] = buffers
      if (!first) done(null, 0)
      else if (buffers.length === 1) fs.write(this.#handle, first, 0, first.length, position, done)
      else fs.writev(this.#handle, buffers, position, done)
    })
  }

  readSync(target: Buffer, position: number): number {
    this.#check('read')
    let done = 0
    while (done < target.length) {
      const count = fs.readSync(this.#handle, target, done, target.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  async read(target: Buffer, position: number): Promise<number> {
    let done = 0
    while (done < target.length) {
      const [at, rest] = [position + done, target.length - done]
      const count = await this.#call<number>('read', (called) => {
        fs.read(this.#handle, target, done, rest, at, called)
      })
      if (count === 0) break
      done += count
    }
    return done
  }

  datasync(): Promise<void> {
    return this.#call('fdatasync', (done) => fs.fdatasync(this.#handle, done))
  }

  datasyncSync(): void {
    this.#check('fdatasync')
    fs.fdatasyncSync(this.#handle)
  }

  truncateSync(sizeBytes: number): void {
    this.#check('ftruncate')
    fs.ftruncateSync(this.#handle, sizeBytes)
  }

  sizeSync(): number {
    this.#check('fstat')
    return fs.fstatSync(this.#handle).size
  }

  closeSync(): void {
    this.#check('close')
    this.#open = false
    if (this.#callsUnderWay === 0) fs.closeSync(this.#handle)
  }

  #call<Result = void>(
    syscall: string,
    begin: (done: (error: NodeJS.ErrnoException | null, result: Result) => void) => void,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#check(syscall)
      this.#callsUnderWay++
      begin((error, result) => {
        this.#callsUnderWay--
        if (!this.#open && this.#callsUnderWay === 0) fs.closeSync(this.#handle)
        if (error) reject(error)
        else resolve(result)
      })
    })
  }

  #check(syscall: string): void {
    if (!this.#open) throw errnoError('EBADF', syscall, this.#path)
  }
}
