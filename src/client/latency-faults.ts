/** From this latency on a broker is passed over for so long (RocketMQ's MQFaultStrategy), slowest first. */
const steps = [
  { latencyMs: 15_000, pauseMs: 30_000 },
  { latencyMs: 5000, pauseMs: 10_000 },
  { latencyMs: 3000, pauseMs: 6000 },
  { latencyMs: 1800, pauseMs: 5000 },
  { latencyMs: 550, pauseMs: 2000 },
] as const

/** Which brokers have been slow or gone of late, so that sends go elsewhere while there is an elsewhere. */
export class LatencyFaults {
  /** Monotonic time until which a broker is passed over. */
  readonly #untilMs = new Map<string, number>()

  /**
   * Takes the latency of one send. One that was quick takes no pause back: it may have been sent at the end of what
   * the others waited for (RocketMQ 5.x FaultItem.updateNotAvailableDuration).
   */
  note(brokerName: string, latencyMs: number, nowMs: number): void {
    const pauseMs = pauseMsOf(latencyMs)
    if (pauseMs === 0 || nowMs + pauseMs <= (this.#untilMs.get(brokerName) ?? 0)) return
    this.#untilMs.set(brokerName, nowMs + pauseMs)
  }

  isAvailable(brokerName: string, nowMs: number): boolean {
    if (this.#untilMs.size === 0) return true
    if ((this.#untilMs.get(brokerName) ?? 0) > nowMs) return false
    this.#untilMs.delete(brokerName)
    return true
  }
}

/** How long a broker is passed over after a send of this latency; 0 for not at all. */
export function pauseMsOf(latencyMs: number): number {
  return steps.find((step) => latencyMs >= step.latencyMs)?.pauseMs ?? 0
}
