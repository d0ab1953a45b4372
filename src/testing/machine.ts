import { ForwardClock } from '../base/host/forward-clock.ts'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { RealClock } from '../base/host/real-clock.ts'
import { RealNet } from '../base/host/real-net.ts'
import { RealRandom } from '../base/host/real-random.ts'
import { WatchedNet } from '../base/host/watched-net.ts'
import type { Clock, Host, Logger } from '../base/host.ts'

/** Turns of the loop after which an instant counts as over, whatever is still going on. */
const TURNS_MAX = 2000

/** How long programs in other processes get to answer what they were sent. */
const OUTSIDE_MS = 5

/** The machine of a test broker and its clients: memory for a disk, real sockets, and a clock that can be moved. */
export class Machine {
  readonly host: Host
  readonly #clock: ForwardClock | undefined
  readonly #net: WatchedNet
  /** Never moved. */
  readonly #real = new RealClock()

  constructor({ isVirtual, log }: { isVirtual: boolean; log: Logger }) {
    const clock: Clock = isVirtual ? new ForwardClock() : new RealClock()
    this.#clock = clock instanceof ForwardClock ? clock : undefined
    this.#net = new WatchedNet(new RealNet(log))
    this.host = {
      ...{ clock, log, net: this.#net, random: new RealRandom(), disk: new MemoryDisk({ clock }) },
      memoryBytes: 1024 ** 3,
    }
  }

  /** @throws Error where the clock is the real one */
  async advance(delayMs: number): Promise<void> {
    if (!this.#clock) throw new Error('the real clock cannot be moved: make the test broker without it')
    // one more than asked: a message that was delayed by as much is due when the millisecond of its time is over
    await this.#clock.advance(delayMs + 1, () => this.settled())
  }

  /** Waits some real time. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#real.after(delayMs, resolve)
    })
  }

  get realMs(): number {
    return this.#real.monoMs()
  }

  stop(): void {
    this.#clock?.stop()
  }

  /** Lets turns of the loop pass until nobody has anything to do or to read. */
  async settled(): Promise<void> {
    const net = this.#net
    let activity = -1
    let outsideBytes = net.outsideBytes
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      await this.#turn()
      if (net.outsideBytes !== outsideBytes) {
        outsideBytes = net.outsideBytes
        await this.pause(OUTSIDE_MS)
      }
      const isQuiet = activity === net.activity && net.inFlightBytes === 0 && net.connecting === 0
      if (isQuiet && this.#clock?.hasTurnEnds !== true) return
      activity = net.activity
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#real.endOfTurn(resolve)
    })
  }
}
