import type { Clock, Disk } from '../base/host.ts'

/** A read that takes longer than this may have come from the device, not from the kernel's page cache. */
const SLOW_MS = 2

/** How long nothing is read on the event loop after a slow read: there is at most one of them in so long. */
const PAUSE_MS = 1000

/**
 * Decides what is read on the event loop: near the end of the log, where the kernel most likely has the bytes in memory, a read costs
 * a tenth of the way through the thread pool. One that turns out slow stops them all for a while, but not where it only had to wait for
 * a core: on a busy machine that happens many times a second.
 */
export class QuickReads {
  readonly #clock: Pick<Clock, 'monoMs'>
  readonly #distanceMax: () => number
  readonly #disk: Pick<Disk, 'deviceReads'>
  #pausedUntilMs = 0
  /** What the disk said after the last slow read. */
  #deviceReads: number | undefined = 0

  /** `distanceMax`: bytes from the end of the log within which they are thought to be in memory. */
  constructor(clock: Pick<Clock, 'monoMs'>, disk: Pick<Disk, 'deviceReads'>, distanceMax: () => number) {
    this.#clock = clock
    this.#disk = disk
    this.#distanceMax = distanceMax
  }

  /** Whether what lies so many bytes before the end of the log may be read on the event loop now. */
  allows(distanceBytes: number): boolean {
    return distanceBytes <= this.#distanceMax() && this.#clock.monoMs() >= this.#pausedUntilMs
  }

  /** Reads on the event loop, and takes note of the time. @throws the reader's error */
  run(read: () => number): number {
    const beganMs = this.#clock.monoMs()
    const bytes = read()
    const endMs = this.#clock.monoMs()
    if (endMs - beganMs > SLOW_MS && this.#mayBeDevice()) this.#pausedUntilMs = endMs + PAUSE_MS
    return bytes
  }

  /** Whether the device has been read, for whatever, since the slow read before. */
  #mayBeDevice(): boolean {
    const reads = this.#disk.deviceReads()
    const isSame = reads !== undefined && reads === this.#deviceReads
    this.#deviceReads = reads
    return !isSame
  }
}
