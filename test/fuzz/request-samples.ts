import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { type FrameVector, frameVectors } from '../vectors/vectors.ts'

/** A request as clients make it: fields by name, and a body. */
export interface RequestSample {
  readonly fields: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Requests by code: captured ones, and those of our own that nobody sent while frames were captured. */
export function requestSamples(): Map<number, RequestSample[]> {
  const byCode = new Map<number, RequestSample[]>()
  const isSmall = ({ body, part }: FrameVector): boolean => part === 'request' && body.length < 8192
  for (const { body, decoded, requestCode } of frameVectors().filter(isSmall)) {
    const list = byCode.get(requestCode) ?? []
    byCode.set(requestCode, list)
    list.push({ fields: decoded.extFields ?? {}, body })
  }
  for (const [code, source] of ownSamples) byCode.set(code, [...(byCode.get(code) ?? []), source])
  return byCode
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const EXTRA = '0 1790000000000 60000 0 0 broker-a 0 0'
const none = Buffer.alloc(0)

const ownSamples: readonly (readonly [number, RequestSample])[] = [
  [RequestCode.LOCK_BATCH_MQ, { fields: {}, body: lockBody() }],
  [RequestCode.UNLOCK_BATCH_MQ, { fields: {}, body: lockBody() }],
  [
    RequestCode.BATCH_ACK_MESSAGE,
    {
      fields: {},
      body: json({
        brokerName: 'broker-a',
        acks: [{ c: 'g', t: 'orders', r: '0', so: 0, q: 0, rq: 0, pt: 1, it: 60_000, b: [1] }],
      }),
    },
  ],
  [
    RequestCode.CHANGE_MESSAGE_INVISIBLETIME,
    {
      fields: {
        consumerGroup: 'g',
        topic: 'orders',
        queueId: '0',
        extraInfo: EXTRA,
        offset: '0',
        invisibleTime: '1000',
      },
      body: none,
    },
  ],
  [
    RequestCode.POP_MESSAGE,
    {
      fields: {
        ...{ consumerGroup: 'g', topic: 'orders', queueId: '-1', maxMsgNums: '8', invisibleTime: '10000' },
        ...{
          pollTime: '0',
          bornTime: '4000000000000',
          initMode: '0',
          expType: 'TAG',
          exp: '*',
          order: 'true',
        },
      },
      body: none,
    },
  ],
  [
    RequestCode.PEEK_MESSAGE,
    { fields: { consumerGroup: 'g', topic: 'orders', queueId: '-1', maxMsgNums: '8' }, body: none },
  ],
  [
    RequestCode.NOTIFICATION,
    {
      fields: {
        consumerGroup: 'g',
        topic: 'orders',
        queueId: '-1',
        pollTime: '0',
        bornTime: '4000000000000',
      },
      body: none,
    },
  ],
  [RequestCode.POLLING_INFO, { fields: { consumerGroup: 'g', topic: 'orders', queueId: '0' }, body: none }],
  [
    RequestCode.RECALL_MESSAGE,
    { fields: { producerGroup: 'p', topic: 'timed', recallHandle: 'djEgdA' }, body: none },
  ],
  [
    RequestCode.END_TRANSACTION,
    {
      fields: {
        ...{ producerGroup: 'p', tranStateTableOffset: '0', commitLogOffset: '0', commitOrRollback: '8' },
        ...{ fromTransactionCheck: 'false', msgId: 'x', transactionId: 'x' },
      },
      body: none,
    },
  ],
  [
    RequestCode.AUTH_CREATE_USER,
    { fields: { username: 'u' }, body: json({ password: 'p', userType: 'Normal' }) },
  ],
  [RequestCode.AUTH_UPDATE_USER, { fields: { username: 'u' }, body: json({ userStatus: 'disable' }) }],
  [RequestCode.AUTH_CREATE_ACL, { fields: { subject: 'User:u' }, body: aclBody() }],
  [RequestCode.AUTH_UPDATE_ACL, { fields: { subject: 'User:u' }, body: aclBody() }],
  [
    RequestCode.AUTH_DELETE_ACL,
    { fields: { subject: 'User:u', policyType: 'Custom', resource: 'Topic:*' }, body: none },
  ],
]

function lockBody(): Buffer {
  const mqSet = [0, 1, 99].map((queueId) => ({ topic: 'ordered', brokerName: 'broker-a', queueId }))
  return json({ consumerGroup: 'g', clientId: 'c', onlyThisBroker: false, mqSet })
}

function aclBody(): Buffer {
  const entry = { resource: 'Topic:*', actions: ['Pub'], sourceIps: ['10.0.0.0/8'], decision: 'Allow' }
  return json({ subject: 'User:u', policies: [{ policyType: 'Custom', entries: [entry] }] })
}
