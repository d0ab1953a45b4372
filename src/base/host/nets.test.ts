import { setImmediate } from 'node:timers/promises'
import type { NetSecurity } from '../host.ts'
import { netContract } from './net.contract.ts'
import { RealNet } from './real-net.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedNetwork } from './simulated-net.ts'
import { testPem } from './test-pem.ts'
import { VirtualClock } from './virtual-clock.ts'
import { WatchedNet } from './watched-net.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const permissive: NetSecurity['server'] = {
  mode: 'permissive',
  clientAuth: 'none',
  credentials: { certificate: testPem('server.pem'), privateKey: testPem('server.key') },
}
const client: NetSecurity['client'] = {
  verifiesServer: true,
  credentials: { trusted: testPem('ca.pem') },
}

const realNets = {
  RealNet: () => new RealNet(quiet),
  WatchedNet: () => new WatchedNet(new RealNet(quiet)),
  'RealNet with TLS': () => new RealNet(quiet, { server: permissive, client }),
  'RealNet that takes TLS, with plain clients': () => new RealNet(quiet, { server: permissive }),
}

for (const [name, makeNet] of Object.entries(realNets)) {
  netContract(name, () => {
    const net = makeNet()
    return {
      client: net,
      server: net,
      serverHost: '127.0.0.1',
      takesAtOnce: name !== 'RealNet with TLS',
      until: async (done) => {
        const deadlineMs = performance.now() + 60_000
        while (!done()) {
          if (performance.now() > deadlineMs) throw new Error('it did not happen within 60 s')
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
      takesAtOnce: true,
      until: async (done) => {
        if (!(await clock.advanceUntil(done, 20_000))) throw new Error('it did not happen within 20 s')
      },
    }
  })
}
