import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { RequestSigner } from '#ternmq/protocol/signature.ts'
import { answered } from '../answered.ts'
import { TestSystem } from '../e2e/test-system.ts'
import { type Answers, brokerProbe, fuzzServer, KEPT } from './server-fuzz.ts'

// A longer run: FUZZ_REQUESTS=1000000 npm test -- server-fuzz; FUZZ_SEED repeats one whose seed was printed.
const requests = Number(process.env.FUZZ_REQUESTS ?? 2000)
const seed = process.env.FUZZ_SEED ?? String(Date.now())

const odd = {
  ...{ enablePropertyFilter: 'true', traceTopicEnable: 'true', recallMessageEnable: 'true' },
  ...{ dedupWindowMs: '60000', autoCreatedTopicsMax: '1000', autoCreatedGroupsMax: '1000' },
}
const root = { accessKey: 'root', secretKey: 'root-secret' }
const withUsers = {
  ...{ authenticationEnabled: 'true', authorizationEnabled: 'true' },
  initAuthenticationUser: JSON.stringify({ username: root.accessKey, password: root.secretKey }),
  innerClientAuthenticationCredentials: JSON.stringify(root),
}

interface Kept {
  readonly bodies: readonly string[]
  readonly system: TestSystem
}

async function start(t: TestContext, settings: Readonly<Record<string, string>>): Promise<Kept> {
  const system = await TestSystem.start(t, { settings: { ...odd, ...settings } })
  const client = await system.client('initAuthenticationUser' in settings ? root : {})
  for (const topic of [KEPT, 'orders', 'timed', 'ordered'])
    await client.admin.createTopic({ topic, queueCount: 2 })
  const bodies = Array.from({ length: 20 }, (_, index) => `kept ${index}`)
  for (const body of bodies) await client.producer().send({ topic: KEPT, body }, { queueIndex: 0 })
  for (let i = 0; i < 20; i++) await client.producer().send({ topic: 'orders', body: `${i}`, tag: 'TagA' })
  return { system, bodies }
}

/** What others have stored is there, and messages are taken: before a restart, and after it. */
async function checkKept({ bodies, system }: Kept, credentials: object): Promise<void> {
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await system.stopBroker()
      await system.startBroker()
    }
    const client = await system.client(credentials)
    const pulls = client.litePull({ group: 'checker', from: 'earliest', autoCommit: false })
    await pulls.assign((await pulls.queuesOf(KEPT)).slice(0, 1))
    const seen: string[] = []
    while (seen.length < bodies.length)
      seen.push(...(await pulls.pull({ waitMs: 5000 })).map(({ text }) => text))
    assert.deepEqual(seen.slice(0, bodies.length), bodies)
    const { status } = await client.producer().send({ topic: KEPT, body: 'after' }, { queueIndex: 1 })
    assert.equal(status, 'SEND_OK')
    await client.close()
  }
  assert.deepEqual(system.log.faults, [])
}

/** The requests must reach what lies behind the first check: many are carried out, and others refused in different ways. */
function checkReach({ counts, done }: Answers, doneMin: number): void {
  const text = `${JSON.stringify([...counts])}, carried out: ${[...done].sort((one, other) => one - other)}`
  assert.ok(done.size >= doneMin && counts.size >= 4, text)
}

describe('odd requests to a running server', async () => {
  const { brokerCodes, namesrvCodes } = await answered()

  it(`a broker answers them, and serves others (seed ${seed})`, { timeout: 3_600_000 }, async (t) => {
    const kept = await start(t, {})
    const { system } = kept
    const address = system.brokerAddress
    checkReach(
      await fuzzServer({ system, address, codes: brokerCodes, seed, requests, probe: brokerProbe }),
      35,
    )
    await checkKept(kept, {})
  })

  it(`a broker with users answers them, and serves others (seed ${seed})`, {
    timeout: 3_600_000,
  }, async (t) => {
    const kept = await start(t, withUsers)
    const { system } = kept
    const signer = new RequestSigner(root)
    const address = system.brokerAddress
    checkReach(
      await fuzzServer({ system, address, codes: brokerCodes, seed, requests, signer, probe: brokerProbe }),
      35,
    )
    await checkKept(kept, root)
  })

  it(`a NameServer answers them (seed ${seed})`, { timeout: 3_600_000 }, async (t) => {
    const system = await TestSystem.start(t)
    const [host = '', port] = system.namesrv.split(':')
    const probe = { code: RequestCode.GET_BROKER_CLUSTER_INFO, extFields: {} }
    const address = { host, port: Number(port) }
    checkReach(await fuzzServer({ system, address, codes: namesrvCodes, seed, requests, probe }), 12)
  })
})
