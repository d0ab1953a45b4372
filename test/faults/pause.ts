import { setTimeout as pause } from 'node:timers/promises'
import { Auditor, assertNothingLost, assertSound } from './audit.ts'
import { History } from './history.ts'
import { Load } from './load.ts'
import { smallFiles } from './store-settings.ts'
import type { Suite } from './suite.ts'

const TOPICS = ['pause-one', 'pause-two']
const CYCLES = 3

/** Longer than the time-out of the load, so that sends fail, and of RocketMQ's heartbeat. */
const PAUSE_MS = 3000
const TIMEOUT_MS = 1000
const BACK_MS_MAX = 5000

/** Stops the broker's process in the middle of its work, as a long pause of the machine would. */
export const pauseSuite: Suite = {
  name: 'pause',
  about: 'the broker is stopped for seconds (SIGSTOP) under load, goes on, and is killed while it is stopped',
  needs: [],
  async run(lab) {
    const dir = lab.newDir('store')
    const history = new History('pause')
    const settings = { ...smallFiles, flushDiskType: 'SYNC_FLUSH' }
    let broker = await lab.broker({ dir, settings })
    const auditor = new Auditor(history)
    await lab.check('a broker that was stopped for seconds serves again, and has lost nothing', async () => {
      const client = await lab.client(broker)
      const load = new Load(client, history, { topics: TOPICS, timeoutMs: TIMEOUT_MS })
      let backMs = 0
      for (let cycle = 1; cycle <= lab.cycles(CYCLES); cycle++) {
        await load.untilAcked(10_000)
        broker.signal('SIGSTOP')
        await pause(PAUSE_MS)
        const { ackedCount } = load
        broker.signal('SIGCONT')
        backMs = Math.max(backMs, await load.untilAcked(BACK_MS_MAX))
        if (load.ackedCount === ackedCount) throw new Error('nothing was acknowledged after the pause')
      }
      await load.stop()
      const report = await auditor.look(client, TOPICS)
      await lab.close(client)
      assertSound(report)
      assertNothingLost(report)
      return `${load.ackedCount} acknowledged, 0 lost; failures: ${load.failureText}; back after ${backMs} ms`
    })
    await lab.check('a broker that is killed while it is stopped has lost nothing', async () => {
      const client = await lab.client(broker)
      const load = new Load(client, history, { topics: TOPICS, timeoutMs: TIMEOUT_MS })
      await load.untilAcked(10_000)
      broker.signal('SIGSTOP')
      await pause(200)
      await broker.kill()
      await load.stop()
      await lab.close(client)
      broker = await lab.broker({ dir, settings })
      const looker = await lab.client(broker)
      const report = await auditor.look(looker, TOPICS, true)
      await lab.close(looker)
      assertSound(report)
      assertNothingLost(report)
      return `${report.readCount} read, 0 lost`
    })
    await broker.stop()
  },
}
