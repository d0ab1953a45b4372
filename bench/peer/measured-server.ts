import { cpuS } from '../measure/process-stats.ts'
import { pause } from './interruption.ts'
import { Remoting } from './remoting.ts'
import type { ServerPlan } from './server-plan.ts'

/** How long a server took from its first exec. */
export interface StartTimes {
  /** Until the name server's port accepted; absent where one process is both. */
  readonly namesrvReadyMs?: number
  /** Until the name server knew a route to the broker. */
  readonly routeMs: number
  /** Until a first message was stored, by the broker's own word. */
  readonly firstStoredMs: number
  /** CPU time of all its processes until then, seconds. */
  readonly cpuS: number
}

const START_MS_MAX = 120_000
const PROBE_TOPIC = 'bench_probe'

/** A server of RocketMQ's protocol that runs and has stored its first message. */
export class MeasuredServer {
  readonly plan: ServerPlan
  readonly times: StartTimes

  private constructor(plan: ServerPlan, times: StartTimes) {
    this.plan = plan
    this.times = times
  }

  /**
   * Starts the processes as a user's script would: each when the port of the one before accepts. Then polls every 3 ms
   * with raw requests until a message is stored.
   */
  static async start(plan: ServerPlan): Promise<MeasuredServer> {
    const startMs = performance.now()
    const sinceStart = () => Math.round(performance.now() - startMs)
    const broker = plan.commands[plan.commands.length - 1]
    let namesrvReadyMs: number | undefined
    for (const command of plan.commands) {
      plan.processes.start(command)
      if (command === broker) break
      await plan.processes.awaitPort(command, START_MS_MAX)
      namesrvReadyMs = sinceStart()
    }
    const brokerPort = await ask(plan, plan.namesrvPort, (namesrv) => namesrv.routePort())
    const routeMs = sinceStart()
    await ask(plan, brokerPort, async (connection) => {
      const answer = await connection.send(PROBE_TOPIC, Buffer.alloc(128, 'a'))
      return answer.code === 0 ? true : undefined
    })
    const firstStoredMs = sinceStart()
    return new MeasuredServer(plan, {
      ...(namesrvReadyMs !== undefined && { namesrvReadyMs }),
      routeMs,
      firstStoredMs,
      cpuS: cpuS(plan.processes.pids()),
    })
  }

  get label(): string {
    return this.plan.label
  }

  get namesrv(): string {
    return `127.0.0.1:${this.plan.namesrvPort}`
  }

  /** The broker with whatever processes it started. */
  brokerPids(): number[] {
    return this.plan.processes.pids(this.plan.commands.at(-1)?.name)
  }

  allPids(): number[] {
    return this.plan.processes.pids()
  }

  /** Port of the broker, as the name server tells it. */
  async brokerPort(): Promise<number> {
    return ask(this.plan, this.plan.namesrvPort, (namesrv) => namesrv.routePort())
  }

  /** Ends its processes and leaves its store, for `start` to find. @returns how long that took, in milliseconds */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const beganMs = performance.now()
    await this.plan.processes.end(signal)
    return Math.round(performance.now() - beganMs)
  }

  stop(): Promise<void> {
    return this.plan.processes.stop()
  }
}

/** Repeats a question on one connection, opened anew when it is lost, until it has an answer. */
async function ask<T>(
  plan: ServerPlan,
  port: number,
  question: (connection: Remoting) => Promise<T | undefined>,
): Promise<T> {
  const deadlineMs = performance.now() + START_MS_MAX
  let connection: Remoting | undefined
  let lastFailure: unknown = 'no answer of use'
  try {
    while (performance.now() < deadlineMs) {
      plan.processes.check()
      try {
        if (!connection || connection.isClosed) connection = await Remoting.open(port)
        const answer = await question(connection)
        if (answer !== undefined) return answer
      } catch (error) {
        lastFailure = error // expected while the server comes up
      }
      await pause(3)
    }
  } finally {
    connection?.close()
  }
  throw new Error(`${plan.label} does not serve on port ${port}`, { cause: lastFailure })
}
