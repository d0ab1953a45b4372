import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { RequestCode } from '../../protocol/request-code.ts'
import { ResponseCode } from '../../protocol/response-code.ts'
import { PullSysFlag } from '../../protocol/sys-flag.ts'
import { type TestConnection, TestDoor } from './test-door.ts'

async function setUp(
  t: TestContext,
  settings: { longPollingEnable?: boolean } = {},
): Promise<{ door: TestDoor; connection: TestConnection }> {
  const door = await TestDoor.open({ settings })
  t.after(() => door.close())
  door.test.topic('orders', 1)
  return { door, connection: await door.connect() }
}

/** A pull that may wait for 15 s, as those of push consumers. */
function pull(connection: TestConnection): ReturnType<TestConnection['ask']> {
  return connection.ask(RequestCode.PULL_MESSAGE, {
    ...{ consumerGroup: 'billing', topic: 'orders', queueId: '0', queueOffset: '0', maxMsgNums: '32' },
    ...{ sysFlag: String(PullSysFlag.SUSPEND | PullSysFlag.SUBSCRIPTION), commitOffset: '0' },
    ...{ suspendTimeoutMillis: '15000', subscription: '*', subVersion: '1' },
  })
}

describe('pulls that find nothing', () => {
  it('wait as long as their client wants, or until a message comes', async (t) => {
    const { door, connection } = await setUp(t)
    const late = await pull(connection)
    await door.test.clock.advance(14_000)
    assert.equal(late.isAnswered, false)
    await door.test.clock.advance(1500)
    assert.equal(late.answer?.code, ResponseCode.PULL_NOT_FOUND)
    const lucky = await pull(connection)
    await door.test.send({ topic: 'orders' })
    await connection.pass(100)
    assert.equal(lucky.answer?.code, ResponseCode.SUCCESS)
  })

  it('wait a second where longPollingEnable is off: their clients ask again at once', async (t) => {
    const { door, connection } = await setUp(t, { longPollingEnable: false })
    const late = await pull(connection)
    await door.test.clock.advance(500)
    assert.equal(late.isAnswered, false)
    await door.test.clock.advance(700)
    assert.equal(late.answer?.code, ResponseCode.PULL_NOT_FOUND)
  })
})
