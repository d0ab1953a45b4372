import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RealNet } from '#ternmq/base/host/real-net.ts'
import { Turn } from '#ternmq/base/turn.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { RemotingClient } from '#ternmq/remoting/remoting-client.ts'
import { RequestDispatcher } from '#ternmq/remoting/request-dispatcher.ts'
import { TestSystem, until } from './test-system.ts'

const SEND = { a: 'p', b: 'orders', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0' }

function tool(t: TestContext, system: TestSystem) {
  const clock = new RealClock()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const dispatcher = new RequestDispatcher(log)
  const client = new RemotingClient({ clock, log, net: new RealNet(log), turn: new Turn(clock), dispatcher })
  t.after(() => client.close())
  const { host, port } = system.brokerAddress
  const ask = (code: number, extFields: Readonly<Record<string, string>>, body = 'x') =>
    client.invoke(`${host}:${port}`, { code, extFields, body: Buffer.from(body) }, 5000)
  const send = async (fields: Readonly<Record<string, string>> = {}): Promise<number> =>
    (await ask(RequestCode.SEND_MESSAGE_V2, { ...SEND, ...fields })).code
  const setQuotas = async (rules: string): Promise<number> =>
    (await ask(RequestCode.UPDATE_BROKER_CONFIG, {}, `quotas=${rules}\n`)).code
  return { ask, send, setQuotas }
}

describe('quotas', () => {
  it('answer sends beyond them with SYSTEM_BUSY, from the moment they are set', async (t) => {
    const system = await TestSystem.start(t)
    const { ask, send, setQuotas } = tool(t, system)
    for (let i = 0; i < 5; i++) assert.equal(await send(), 0)
    assert.equal(await setQuotas('send topic:orders 3/s; send group:greedy 1/s'), 0)
    const codes: number[] = []
    for (let i = 0; i < 6; i++) codes.push(await send())
    assert.deepEqual(codes.slice(0, 3), [0, 0, 0])
    assert.ok(codes.slice(3).every((code) => code === 2 || code === 0))
    const refused = await Promise.all(
      Array.from({ length: 20 }, () => ask(RequestCode.SEND_MESSAGE_V2, SEND)),
    )
    const busy = refused.filter(({ code }) => code === 2)
    assert.ok(busy.length >= 15)
    assert.match(busy[0]?.remark ?? '', /FLOW_CONTROL.*topic orders/)
    assert.equal(await send({ b: 'others' }), 0)
    const greedy = [await send({ b: 'others', a: 'greedy' }), await send({ b: 'others', a: 'greedy' })]
    assert.deepEqual(greedy, [0, 2])
    assert.equal(await setQuotas('send topic 3/s'), 29)
    assert.equal(await setQuotas(''), 0)
    for (let i = 0; i < 10; i++) assert.equal(await send(), 0)
  })

  it('slow consumers down, and lose nothing', async (t) => {
    const system = await TestSystem.start(t, { settings: { quotas: 'pull group:slow 40/s' } })
    const client = await system.client()
    const producer = client.producer()
    for (let i = 0; i < 90; i++) await producer.send({ topic: 'orders', body: `${i}` })
    const got = new Set<string>()
    const beganMs = performance.now()
    void client.consumer({ group: 'slow', topic: 'orders', from: 'earliest' }).run(({ text }) => {
      got.add(text)
    })
    await until(() => got.size === 90)
    // 40 at once, the rest at 40 a second, of which the last portion may be owed
    assert.ok(performance.now() - beganMs > 300)
  })
})
