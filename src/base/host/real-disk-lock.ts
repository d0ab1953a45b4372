import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoOf, MqError } from '../errors.ts'
import type { DiskLock } from '../host.ts'

/** What a lock file says of its owner. `start` and `boot` are empty where there is no `/proc`. */
interface Owner {
  readonly pid: number
  /** When the process started, in clock ticks since boot (`proc(5)`, field 22 of stat). */
  readonly start: string
  /** Names this run of the kernel. */
  readonly boot: string
}

/** So often may others be faster before we give up. */
const ATTEMPTS_MAX = 20

/** Lock files of this process, by real path. */
const held = new Set<string>()

/**
 * A lock file that names its owner, since Node offers no `flock`. Content:
 * `{"pid":1,"start":"123","boot":"..."}` and a line end, put there together with the name by a hard link;
 * empty when nobody holds it. What a dead process left, or anything that does not name an owner (RocketMQ
 * writes `lock`), is taken over. Kept apart are processes that see each other: not those of two machines or
 * of two containers with process numbers of their own.
 */
export class RealDiskLock implements DiskLock {
  readonly #path: string
  readonly #content: string
  #held = true

  /** @throws MqError storeLocked when a living process holds the lock, this one included */
  constructor(path: string) {
    this.#path = join(fs.realpathSync(dirname(path)), basename(path))
    this.#content = `${JSON.stringify(ownerWith(process.pid))}\n`
    if (held.has(this.#path)) throw new MqError('storeLocked', `${path} is locked by this process`)
    this.#take()
    held.add(this.#path)
  }

  release(): void {
    if (!this.#held) return
    this.#held = false
    held.delete(this.#path)
    if (contentOf(this.#path) === this.#content) fs.truncateSync(this.#path)
  }

  #take(): void {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const content = contentOf(this.#path)
      const owner = content === undefined ? undefined : ownerIn(content)
      if (owner && isAlive(owner)) {
        throw new MqError('storeLocked', `${this.#path} is locked by process ${owner.pid}`)
      }
      if (content !== undefined && !this.#clearAway(content)) continue
      if (this.#create()) return
    }
    throw new MqError('storeLocked', `${this.#path} goes from one process to another all the time`)
  }

  /** Removes the file if it still holds `content`: between our look and now another may have taken it. */
  #clearAway(content: string): boolean {
    const aside = this.#asideName()
    try {
      fs.renameSync(this.#path, aside)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
    const isStale = contentOf(aside) === content
    if (!isStale) linkIfFree(aside, this.#path)
    fs.unlinkSync(aside)
    return isStale
  }

  #create(): boolean {
    const aside = this.#asideName()
    try {
      fs.writeFileSync(aside, this.#content)
      return linkIfFree(aside, this.#path)
    } finally {
      fs.rmSync(aside, { force: true })
    }
  }

  #asideName(): string {
    return `${this.#path}.${process.pid}-${randomBytes(4).toString('hex')}`
  }
}

function contentOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** @returns false when the name is taken */
function linkIfFree(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    const errno = errnoOf(error) ?? ''
    if (errno === 'EEXIST') return false
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errno)) throw error
  }
  return copyIfFree(from, to)
}

/** For file systems without hard links: for a moment the name is there without its content. */
function copyIfFree(from: string, to: string): boolean {
  try {
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

function ownerIn(content: string): Owner | undefined {
  const match = /^\{"pid":(\d+),"start":"(\d*)","boot":"([\w-]*)"\}\n$/.exec(content)
  if (!match) return undefined
  const [, pid = '', start = '', boot = ''] = match
  return { pid: Number(pid), start, boot }
}

function ownerWith(pid: number): Owner {
  return { pid, start: processStart(pid) ?? '', boot: readProc('/proc/sys/kernel/random/boot_id').trim() }
}

function isAlive(owner: Owner): boolean {
  const now = ownerWith(owner.pid)
  if (now.boot !== owner.boot) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if (errnoOf(error) === 'ESRCH') return false
    if (errnoOf(error) !== 'EPERM') throw error
  }
  // Without a start time, this process number in a lock that we do not hold is that of an earlier process.
  if (owner.start === '') return owner.pid !== process.pid
  // A process whose start cannot be seen (proc mounted with hidepid) has to count as the owner.
  return now.start === '' || now.start === owner.start
}

/** Empty when it cannot be told; `dead` for a zombie, which holds nothing any more. */
function processStart(pid: number): string | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  // The name in brackets may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state = ''] = fields
  return state === 'Z' || state === 'X' ? 'dead' : fields[19]
}

function readProc(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ESRCH' || errno === 'EACCES' || errno === 'EPERM') return ''
    throw error
  }
}
