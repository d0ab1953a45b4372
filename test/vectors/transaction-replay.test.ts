import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '#ternmq/base/host/virtual-clock.ts'
import { TestBroker } from '#ternmq/broker/test-broker.ts'
import type { ClientCalls } from '#ternmq/gateways/rocketmq/connections.ts'
import { askProducers, transactionHandlers } from '#ternmq/gateways/rocketmq/transactions.ts'
import { decodeMessage } from '#ternmq/protocol/message-codec.ts'
import { decodeCommand, type RemotingCommand } from '#ternmq/protocol/remoting-command.ts'
import { Request } from '#ternmq/protocol/request.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { testHost } from '#ternmq/store/test-store.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

const CAPTURE_MS = 1_795_223_413_000
const ADDRESS = { host: '127.0.0.2', port: 30_911 }
const GROUP = 'PG'

/** Where records lie, which is another place here. */
const PLACES = new Set(['commitLogOffset', 'tranStateTableOffset', 'offsetMsgId'])

interface Half {
  readonly group?: string
  readonly topic?: string
  readonly queueId?: number
  readonly body?: Buffer
  readonly properties?: Readonly<Record<string, string>>
}

/** A broker in the place of the captured one, with the half message that a frame speaks of. */
class Replay {
  readonly told: Parameters<ClientCalls['sendOneway']>[1][] = []
  readonly test = TestBroker.open({
    host: testHost(undefined, new VirtualClock(CAPTURE_MS)),
    settings: { brokerClusterName: 'GoldenCluster', advertised: ADDRESS, storeHost: ADDRESS },
    store: { commitLogFileBytes: 1024 * 1024 },
  })

  async prepare({
    group = GROUP,
    topic = 'T_TRAN',
    queueId = 0,
    body,
    properties = {},
  }: Half): Promise<number> {
    askProducers(this.test.broker, { sendOneway: (_, command) => this.told.push(command) })
    this.test.topic(topic)
    this.test.produce(group)
    const sent = { ...properties, TRAN_MSG: 'true', PGROUP: group }
    return this.test.send({ topic, queueId, body: body ?? 'm', sysFlag: 4, properties: sent })
  }

  /** The code that a captured END_TRANSACTION is answered with, of the half message that is here. */
  async end(captured: RemotingCommand, commitLogOffset: number): Promise<number> {
    const extFields = {
      ...captured.extFields,
      commitLogOffset: String(commitLogOffset),
      tranStateTableOffset: '0',
    }
    const handler = transactionHandlers(this.test.broker)[RequestCode.END_TRANSACTION]
    const request = new Request({ ...captured, extFields }, { id: 1, address: '127.0.0.1:40000' })
    const reply = handler?.(request)
    await this.test.clock.settle()
    return (await reply)?.code ?? 0
  }
}

function captured(code: number, part: FrameVector['part']): FrameVector[] {
  return frameVectors().filter((vector) => vector.requestCode === code && vector.part === part)
}

describe('transactions as RocketMQ was seen to handle them', () => {
  it('END_TRANSACTION of every client has the same effect and code', async () => {
    const answers = captured(RequestCode.END_TRANSACTION, 'response')
    const requests = captured(RequestCode.END_TRANSACTION, 'request')
    assert.ok(requests.length >= 8, `${requests.length} frames`)
    for (const vector of requests) {
      const command = decodeCommand(vector.frame)
      const { producerGroup = '', commitOrRollback } = command.extFields
      const replay = new Replay()
      const offset = await replay.prepare({ group: producerGroup })
      const code = await replay.end(command, offset)
      const answer = answers.find(({ pair }) => pair === vector.pair)
      assert.equal(code, answer?.decoded.code ?? 0, vector.name)
      assert.deepEqual(await replay.test.bodies('T_TRAN'), commitOrRollback === '8' ? ['m'] : [], vector.name)
      assert.equal(replay.test.broker.transactions.count, commitOrRollback === '0' ? 1 : 0, vector.name)
      await replay.test.close()
    }
  })

  it('CHECK_TRANSACTION_STATE says the same of the same message', async () => {
    const requests = captured(RequestCode.CHECK_TRANSACTION_STATE, 'request')
    assert.ok(requests.length >= 3, `${requests.length} frames`)
    for (const vector of requests) {
      const theirs = decodeMessage(vector.body)
      const { MSG_REGION: _, CLUSTER: __, TRACE_ON: ___, ...given } = Object.fromEntries(theirs.properties)
      const { REAL_TOPIC = '', REAL_QID, PGROUP = '', TRANSACTION_CHECK_TIMES: ____, ...properties } = given
      const replay = new Replay()
      await replay.prepare({
        ...{ group: PGROUP, topic: REAL_TOPIC, queueId: Number(REAL_QID), body: theirs.body, properties },
      })
      await replay.test.clock.advance(30_000)
      const [told] = replay.told
      const fields = (all: Readonly<Record<string, string>>): unknown[] =>
        Object.entries(all)
          .map(([name, value]) => (PLACES.has(name) ? [name] : [name, value]))
          .sort()
      assert.deepEqual(fields(told?.extFields ?? {}), fields(vector.decoded.extFields ?? {}), vector.name)
      const ours = decodeMessage(told?.body ?? Buffer.alloc(0))
      for (const name of ['topic', 'queueId', 'sysFlag', 'flag', 'preparedTransactionOffset'] as const)
        assert.equal(ours[name], theirs[name], `${name} of ${vector.name}`)
      assert.deepEqual([...ours.properties].sort(), [...theirs.properties].sort(), vector.name)
      assert.deepEqual(ours.body, theirs.body)
      await replay.test.close()
    }
  })
})
