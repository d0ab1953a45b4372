import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MqError } from '../../base/errors.ts'
import { TestBroker } from '../../broker/test-broker.ts'
import { parseProperties } from '../../protocol/message-properties.ts'
import type { RemotingCommand } from '../../protocol/remoting-command.ts'
import type { Reply } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import type { ClientCalls } from './connections.ts'
import { replyHandlers } from './replies.ts'
import { SendAnswerForm } from './send-answers.ts'
import { ask } from './test-request.ts'

const TOPIC = 'TestCluster_REPLY_TOPIC'

type Pushed = { connectionId: number; command: Parameters<ClientCalls['invoke']>[1] }

/** A broker with one client that waits for replies, `client-2`. */
class ReplyRun {
  readonly test: TestBroker
  readonly pushed: Pushed[] = []
  /** What the client answers; an error when it does not. */
  answer: number | MqError = 0

  constructor(storeReplyMessageEnable = true) {
    this.test = TestBroker.open({ settings: { storeReplyMessageEnable } })
    this.test.produce('askers', 2)
  }

  async reply(
    to: string | undefined,
    code: number = RequestCode.SEND_REPLY_MESSAGE_V2,
    topic = TOPIC,
  ): Promise<Reply> {
    const properties = { CORRELATION_ID: 'c1', ...(to !== undefined && { REPLY_TO_CLIENT: to }) }
    const text = Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`)
    const isLong = code === RequestCode.SEND_REPLY_MESSAGE
    const short = {
      a: 'answers',
      b: topic,
      c: 'TBW102',
      d: '4',
      e: '0',
      f: '0',
      g: '7',
      h: '5',
      i: text.join(''),
    }
    const long = { topic, defaultTopic: 'TBW102', queueId: '0', properties: text.join('') }
    const handlers = replyHandlers(this.test.broker, this.#calls, new SendAnswerForm(this.test.broker))
    const reply = ask(handlers, code, { fields: isLong ? long : short, body: 'the reply' })
    await Promise.allSettled([reply, this.test.clock.settle()])
    return reply
  }

  get #calls(): ClientCalls {
    return {
      sendOneway: () => undefined,
      invoke: async (connectionId, command) => {
        this.pushed.push({ connectionId, command })
        if (this.answer instanceof MqError) throw this.answer
        const header = { language: 0, version: 479, opaque: 1, flag: 1, remark: undefined, extFields: {} }
        return { ...header, code: this.answer, body: Buffer.alloc(0) } satisfies RemotingCommand
      },
    }
  }
}

describe('replyHandlers', () => {
  it('push a reply to the client that waits, and store it', async () => {
    const run = new ReplyRun()
    const reply = await run.reply('client-2')
    assert.equal(reply.code ?? 0, 0)
    assert.match(reply.extFields?.msgId ?? '', /^7F0000010000[0-9A-F]{20}$/)
    assert.deepEqual([reply.extFields?.queueId, reply.extFields?.queueOffset], ['0', '0'])
    const [{ connectionId, command }] = run.pushed as [Pushed]
    assert.equal(connectionId, 2)
    assert.equal(command.code, RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT)
    const { properties = '', storeTimestamp, ...fields } = command.extFields ?? {}
    assert.deepEqual(fields, {
      ...{ producerGroup: 'answers', topic: TOPIC, defaultTopic: 'TBW102', defaultTopicQueueNums: '4' },
      ...{ queueId: '0', sysFlag: '0', bornTimestamp: '7', flag: '5' },
      ...{ bornHost: '127.0.0.1:50000', storeHost: '127.0.0.1:10911' },
    })
    assert.equal(parseProperties(properties).get('PUSH_REPLY_TIME'), storeTimestamp)
    assert.deepEqual(await run.test.bodies(TOPIC), ['the reply'])
    await run.test.close()
  })

  it('take the long names of fields too', async () => {
    const run = new ReplyRun()
    assert.equal((await run.reply('client-2', RequestCode.SEND_REPLY_MESSAGE)).code ?? 0, 0)
    assert.equal(run.pushed.length, 1)
    await run.test.close()
  })

  it('say that the client is not there, and store the reply all the same', async () => {
    const run = new ReplyRun()
    const reply = await run.reply('gone')
    assert.equal(reply.code, 1)
    assert.equal(reply.remark, 'push reply message fail, channel of <gone> not found.')
    assert.equal((await run.reply(undefined)).remark, 'REPLY_TO_CLIENT is null, can not reply message')
    assert.equal((await run.test.bodies(TOPIC)).length, 2)
    run.test.broker.clients.connectionClosed(2)
    assert.equal((await run.reply('client-2')).code, 1)
    await run.test.close()
  })

  it('go to no topic of the broker’s own bookkeeping', async () => {
    const run = new ReplyRun()
    for (const topic of ['SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_OP_HALF_TOPIC'])
      await assert.rejects(run.reply('client-2', undefined, topic), { kind: 'noPermission' })
    assert.deepEqual(run.pushed, [])
    await run.test.close()
  })

  it('say that the client has not taken it', async () => {
    const run = new ReplyRun()
    run.answer = 1
    assert.equal((await run.reply('client-2')).code, 1)
    run.answer = new MqError('timeout', 'no answer')
    assert.equal((await run.reply('client-2')).code, 1)
    await run.test.close()
  })

  it('store nothing where the broker is told not to', async () => {
    const run = new ReplyRun(false)
    assert.deepEqual((await run.reply('client-2')).extFields?.msgId, '0')
    assert.deepEqual(await run.test.bodies(TOPIC), [])
    await run.test.close()
  })
})
