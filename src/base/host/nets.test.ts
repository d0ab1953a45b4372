import { setImmediate } from 'node:timers/promises'
import { netContract } from './net.contract.ts'
import { RealNet } from './real-net.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedNetwork } from './simulated-net.ts'
import { VirtualClock } from './virtual-clock.ts'
import { WatchedNet } from './watched-net.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const realNets = { RealNet: () => new RealNet(quiet), WatchedNet: () => new WatchedNet(new RealNet(quiet)) }

for (const [name, makeNet] of Object.entries(realNets)) {
  netContract(name, () => {
    const net = makeNet()
    return {
      client: net,
      server: net,
      serverHost: '127.0.0.1',
      until: async (done) => {
        const deadlineMs = performance.now() + 20_000
        while (!done()) {
          if (performance.now() > deadlineMs) throw new Error('it did not happen within 20 s')
          await setImmediate()
        }
      },
    }
  })
}

for (const seed of [1, 2, 3]) {
  netContract(`SimulatedNetwork, seed ${seed}`, () => {
    const clock = new VirtualClock(0)
    const network = new SimulatedNetwork(clock, new SeededRandom(seed))
    return {
      client: network.net('10.0.0.1'),
      server: network.net('10.0.0.2'),
      serverHost: '10.0.0.2',
      until: async (done) => {
        if (!(await clock.advanceUntil(done, 20_000))) throw new Error('it did not happen within 20 s')
      },
    }
  })
}
