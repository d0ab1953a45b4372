import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '#ternmq/base/host/virtual-clock.ts'
import { TestBroker } from '#ternmq/broker/test-broker.ts'
import type { ClientCalls } from '#ternmq/gateways/rocketmq/connections.ts'
import { replyHandlers } from '#ternmq/gateways/rocketmq/replies.ts'
import { SendAnswerForm } from '#ternmq/gateways/rocketmq/send-answers.ts'
import { parseProperties } from '#ternmq/protocol/message-properties.ts'
import { decodeCommand } from '#ternmq/protocol/remoting-command.ts'
import { Request } from '#ternmq/protocol/request.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { testHost } from '#ternmq/store/test-store.ts'
import { type FrameVector, frameVectors } from './vectors.ts'

const ADDRESS = { host: '127.0.0.2', port: 30_911 }

/** Fields whose values are those of this run. */
const OWN = new Set(['storeTimestamp', 'bornHost', 'properties', 'msgId', 'queueOffset'])

function captured(code: number, part: FrameVector['part']): FrameVector[] {
  return frameVectors().filter((vector) => vector.requestCode === code && vector.part === part)
}

function comparable(fields: Readonly<Record<string, string>> | null | undefined): unknown[] {
  return Object.entries(fields ?? {})
    .map(([name, value]) => (OWN.has(name) ? [name] : [name, value]))
    .sort()
}

describe('replies as RocketMQ was seen to pass them on', () => {
  it('SEND_REPLY_MESSAGE_V2 is answered, and pushed, with the same fields', async () => {
    const requests = captured(RequestCode.SEND_REPLY_MESSAGE_V2, 'request')
    const answers = captured(RequestCode.SEND_REPLY_MESSAGE_V2, 'response')
    const pushes = captured(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, 'request')
    assert.ok(requests.length >= 2 && requests.length === pushes.length)
    for (const [index, vector] of requests.entries()) {
      const pushed: Parameters<ClientCalls['invoke']>[1][] = []
      const test = TestBroker.open({
        host: testHost(undefined, new VirtualClock(1_795_223_413_000)),
        settings: { brokerClusterName: 'GoldenCluster', advertised: ADDRESS, storeHost: ADDRESS },
      })
      const command = decodeCommand(vector.frame)
      const clientId = parseProperties(command.extFields.i ?? '').get('REPLY_TO_CLIENT') ?? ''
      test.broker.clients.heartbeat(
        { clientId, connectionId: 2, address: '127.0.0.1:40002', language: 0, version: 479 },
        {
          clientID: clientId,
          heartbeatFingerprint: 0,
          withoutSub: false,
          producerGroups: ['g'],
          consumers: [],
        },
        test.clock.nowMs(),
        () => true,
      )
      const calls: ClientCalls = {
        sendOneway: () => undefined,
        invoke: async (_, told) => {
          pushed.push(told)
          const header = { code: 0, language: 0, version: 479, opaque: 1, flag: 1, remark: undefined }
          return { ...header, extFields: {}, body: Buffer.alloc(0) }
        },
      }
      const handler = replyHandlers(test.broker, calls, new SendAnswerForm(test.broker))[command.code]
      const reply = handler?.(new Request(command, { id: 1, address: '127.0.0.1:40001' }))
      await test.clock.settle()
      const [push, answer] = [pushes[index], answers[index]]
      assert.equal((await reply)?.code ?? 0, answer?.decoded.code)
      assert.deepEqual(
        comparable((await reply)?.extFields),
        comparable(answer?.decoded.extFields),
        vector.name,
      )
      assert.deepEqual(comparable(pushed[0]?.extFields), comparable(push?.decoded.extFields), vector.name)
      const names = (text: string | undefined): string[] => [...parseProperties(text ?? '').keys()].sort()
      assert.deepEqual(names(pushed[0]?.extFields?.properties), names(push?.decoded.extFields?.properties))
      assert.deepEqual(pushed[0]?.body, push?.body)
      await test.close()
    }
  })
})
