import { errnoOf, messageOf } from '../base/errors.ts'
import type { DiskSpace, Host, Timer } from '../base/host.ts'
import { ReserveFile } from './reserve-file.ts'
import { DiskGate, FREE_BYTES_MIN, usedRatioOf } from './retention-plan.ts'
import type { StoreSettings } from './store-settings.ts'

const INTERVAL_MS = 1000

/** Most bytes kept for metadata, and which part of a disk at most. */
const RESERVE_BYTES_MAX = 4 * 1024 * 1024
const RESERVE_PART = 256
const PAGE_BYTES = 4096

/** Looks each second whether the disks of the store have room, and keeps a little of it for metadata. */
export class DiskWatch {
  readonly #host: Host
  readonly #dirs: readonly string[]
  readonly #gate: DiskGate
  readonly #reserve: ReserveFile
  readonly #onChange: () => void
  #timer: Timer | undefined

  /** @param parts `onChange` is called whenever `refusal` may have changed */
  constructor(parts: { host: Host; settings: StoreSettings; onChange: () => void }) {
    const { rootDir, commitLogDir, retention } = parts.settings
    this.#host = parts.host
    this.#dirs = [rootDir, commitLogDir]
    this.#gate = new DiskGate(retention)
    this.#reserve = new ReserveFile(parts.host.disk, `${rootDir}/ternmq/reserve`)
    this.#onChange = parts.onChange
  }

  /** Why messages are refused; undefined while there is room. */
  get refusal(): string | undefined {
    return this.#gate.refusal
  }

  /** On a full disk, gives the reserve to the start, which has to write a little. */
  prepareStart(): void {
    try {
      if (this.#measure().freeBytes < FREE_BYTES_MIN) this.#refuse()
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'the space of the disk cannot be measured')
    }
  }

  start(): void {
    this.#look()
    this.#arm()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Says that a write has failed: on a full disk messages are refused from now on. */
  writeFailed(error: unknown): void {
    if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT') this.#refuse()
  }

  #arm(): void {
    this.#timer = this.#host.clock.after(INTERVAL_MS, () => {
      this.#look()
      if (this.#gate.refusal === undefined) this.#keepReserve()
      this.#arm()
    })
  }

  #look(): void {
    const before = this.#gate.refusal
    try {
      const space = this.#measure()
      const missingBytes = this.#reserve.sizeBytes > 0 ? 0 : reserveBytesOf(space)
      this.#gate.measured(space, FREE_BYTES_MIN + missingBytes)
      if (space.freeBytes < FREE_BYTES_MIN) this.#refuse()
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'the space of the disk cannot be measured')
    }
    const { refusal } = this.#gate
    if (before === undefined && refusal !== undefined)
      this.#host.log.error({}, `messages refused: ${refusal}`)
    if (before !== undefined && refusal === undefined) {
      this.#host.log.info({}, 'messages are taken again: the disk has room')
    }
    this.#onChange()
  }

  #refuse(): void {
    this.#gate.refused()
    try {
      this.#reserve.release()
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'the reserve for metadata cannot be given back')
    }
    this.#onChange()
  }

  #keepReserve(): void {
    try {
      if (this.#reserve.sizeBytes === 0) this.#reserve.take(reserveBytesOf(this.#measure()))
    } catch (error) {
      this.#host.log.warn({ error: messageOf(error) }, 'no room can be kept for metadata')
    }
  }

  /** The space of the fullest disk. @throws the disk's error */
  #measure(): DiskSpace {
    const spaces = this.#dirs.map((dir) => this.#host.disk.space(dir))
    return spaces.reduce((one, other) => (usedRatioOf(other) > usedRatioOf(one) ? other : one))
  }
}

function reserveBytesOf(space: DiskSpace): number {
  const part = space.totalBytes / RESERVE_PART
  return Math.min(RESERVE_BYTES_MAX, Math.ceil(part / PAGE_BYTES) * PAGE_BYTES)
}
