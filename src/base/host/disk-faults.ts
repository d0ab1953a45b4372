import { errnoError } from './errno-error.ts'

/**
 * What can be asked of a disk. Calls that change it are *ops*, at which a crash can strike; the others, after
 * `open`, can fail or be delayed but are not counted.
 */
export type DiskCallKind =
  | 'create'
  | 'write'
  | 'datasync'
  | 'truncate'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'syncDir'
  | 'open'
  | 'read'
  | 'list'
  | 'stat'
  | 'space'
  | 'lock'

const LOOKS: ReadonlySet<DiskCallKind> = new Set(['open', 'read', 'list', 'stat', 'space', 'lock'])

/** One call to a faulty disk. */
export interface DiskOp {
  /** Counts the ops of one disk from 0; -1 for a call that changes nothing. */
  readonly index: number
  readonly kind: DiskCallKind
  readonly path: string
  /** The new name of a rename, else empty. */
  readonly to: string
  /** Bytes given to a write, else 0. */
  readonly sizeBytes: number
  /** `file:line` of the call, in the first code outside `base/host/`; empty unless the disk records. */
  readonly site: string
}

/** The process died in or before this call: nothing more reaches the disk through it. */
export class CrashError extends Error {
  constructor(subject: string, options?: ErrorOptions) {
    super(`the process of this disk has crashed: ${subject}`, options)
    this.name = 'CrashError'
  }
}

/** Says which calls a fault strikes. */
export type FaultFilter = (op: DiskOp) => boolean

interface Fault {
  readonly when: FaultFilter
  readonly errno?: string
  readonly keepBytes?: number
  readonly until?: (op: DiskOp) => Promise<void>
}

/** What a caller says of his call; `DiskOp` explains the fields. */
export interface DiskCall {
  readonly kind: DiskCallKind
  readonly path: string
  readonly to?: string
  readonly sizeBytes?: number
}

/** What the call may do. */
interface Permit {
  /** How many of its bytes a write may take. */
  readonly sizeBytes: number
  /** Gives what the call waits for before it takes effect. */
  readonly until: (() => Promise<void>) | undefined
  /** The process dies when the effect is done. */
  readonly dies: boolean
}

/** Decides what becomes of each call to a faulty disk, counts the ops and remembers the crash. */
export class DiskFaults {
  /** All ops so far, if `record` was asked for. */
  readonly ops: DiskOp[] = []
  readonly #record: boolean
  #opCount = 0
  #faults: Fault[] = []
  #crashIndex: number | undefined
  #crashShare = 0
  #crashed: string | undefined

  constructor(record: boolean) {
    this.#record = record
  }

  get opCount(): number {
    return this.#opCount
  }

  get hasCrashed(): boolean {
    return this.#crashed !== undefined
  }

  crashAt(index: number, share: number): void {
    this.#crashIndex = index
    this.#crashShare = share
  }

  crash(subject: string): void {
    this.#crashed ??= subject
  }

  add(fault: Fault): () => void {
    this.#faults.push(fault)
    return () => {
      this.#faults = this.#faults.filter((other) => other !== fault)
    }
  }

  /**
   * Lets a call take effect; `effect` is told how many bytes a write may take.
   * @throws CrashError when the process is dead or dies in this call; an errno error when a fault says so
   */
  perform<Result>(call: DiskCall, effect: (sizeBytes: number) => Result): Result {
    const permit = this.#begin(call)
    if (permit.until) throw new Error(`a synchronous ${call.kind} of ${call.path} cannot be delayed`)
    return this.#finish(call, permit, effect)
  }

  /** As `perform`, for a call that can be delayed; it takes effect at once if it is not. */
  async performLater<Result>(call: DiskCall, effect: (sizeBytes: number) => Result): Promise<Result> {
    const permit = this.#begin(call)
    if (permit.until) {
      await permit.until()
      this.#check()
    }
    return this.#finish(call, permit, effect)
  }

  #begin(call: DiskCall): Permit {
    this.#check()
    const index = LOOKS.has(call.kind) ? -1 : this.#opCount++
    const permit = this.#permit(call, index)
    if (index !== this.#crashIndex) return permit
    if (this.#crashShare >= 1) return { ...permit, dies: true }
    const sizeBytes = call.kind === 'write' ? Math.floor(permit.sizeBytes * this.#crashShare) : 0
    if (sizeBytes <= 0) this.#die(call)
    return { ...permit, sizeBytes, dies: true }
  }

  #finish<Result>(call: DiskCall, permit: Permit, effect: (sizeBytes: number) => Result): Result {
    if (!permit.dies) return effect(permit.sizeBytes)
    try {
      effect(permit.sizeBytes)
    } catch (error) {
      this.#die(call, error)
    }
    this.#die(call)
  }

  #permit(call: DiskCall, index: number): Permit {
    let sizeBytes = call.sizeBytes ?? 0
    const recording = this.#record && index >= 0
    if (!recording && this.#faults.length === 0) return { sizeBytes, until: undefined, dies: false }
    const { kind, path, to = '' } = call
    const op: DiskOp = { index, kind, path, to, sizeBytes, site: this.#record ? callSite() : '' }
    if (recording) this.ops.push(op)
    let until: Permit['until']
    for (const fault of this.#faults) {
      if (!fault.when(op)) continue
      if (fault.errno !== undefined) throw errnoError(fault.errno, kind, path)
      if (fault.keepBytes !== undefined) sizeBytes = Math.min(sizeBytes, fault.keepBytes)
      const wait = fault.until
      if (wait) until ??= () => wait(op)
    }
    return { sizeBytes, until, dies: false }
  }

  #check(): void {
    if (this.#crashed !== undefined) throw new CrashError(this.#crashed)
  }

  #die(call: DiskCall, cause?: unknown): never {
    this.crash(`${call.kind} ${call.path}`)
    throw new CrashError(`${call.kind} ${call.path}`, { cause })
  }
}

const HOST_FOLDER = new URL('.', import.meta.url).href
const ROOT_FOLDER = new URL('../../', import.meta.url).href

/**
 * The first frame outside the code of this folder, `store/commit-log.js:12`; the tests of this folder count
 * as outside.
 */
function callSite(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 30
  const stack = new Error('site').stack ?? ''
  Error.stackTraceLimit = stackTraceLimit
  for (const frame of stack.split('\n')) {
    const at = frame.indexOf('file://')
    if (at < 0) continue
    const place = frame.slice(at)
    if (place.startsWith(HOST_FOLDER) && !/\.(test|contract)\.[jt]s:/.test(place)) continue
    const [file, line] = place.replace(ROOT_FOLDER, '').split(/:(?=\d)/)
    return `${file}:${line}`
  }
  return ''
}
