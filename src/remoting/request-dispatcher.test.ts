import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errorKinds, MqError } from '../base/errors.ts'
import { ResponseCode, responseCodeName } from '../protocol/response-code.ts'
import { RequestDispatcher } from './request-dispatcher.ts'
import { responseCodeOf } from './response-code-of.ts'
import { SERVER_ADDRESS, TestEnds, TestLog } from './test-ends.ts'

const CODE = 900

async function answerTo(
  prepare: (dispatcher: RequestDispatcher) => void,
  command: { code: number; version?: number } = { code: CODE },
): Promise<{
  code: number
  remark: string | undefined
  fields: object
  log: readonly string[]
  isOpen: boolean
}> {
  const ends = new TestEnds()
  prepare(ends.dispatcher)
  await ends.listen()
  const answer = await ends.result(ends.client().invoke(SERVER_ADDRESS, command, 3000))
  const isOpen = ends.server.connections.size === 1
  return {
    code: answer.code,
    remark: answer.remark,
    fields: { ...answer.extFields },
    log: ends.log.lines,
    isOpen,
  }
}

describe('RequestDispatcher', () => {
  it('answers an unknown code with REQUEST_CODE_NOT_SUPPORTED and keeps the connection', async () => {
    const answer = await answerTo(() => undefined)
    assert.equal(answer.code, ResponseCode.REQUEST_CODE_NOT_SUPPORTED)
    assert(answer.isOpen)
  })

  it('turns expected failures into codes, with their text, and says nothing of them in the log', async () => {
    const fail = () => {
      throw new MqError('topicNotExist', 'topic orders does not exist', { fields: { a: 'b' } })
    }
    const answer = await answerTo((dispatcher) => dispatcher.add({ [CODE]: fail }))
    assert.equal(answer.code, ResponseCode.TOPIC_NOT_EXIST)
    assert.equal(answer.remark, 'topic orders does not exist')
    assert.deepEqual(answer.fields, { a: 'b' })
    assert.deepEqual(answer.log, [])
  })

  it('does the same for handlers that fail later, and for fast ones', async () => {
    const later = await answerTo((dispatcher) =>
      dispatcher.add({ [CODE]: () => Promise.reject(new MqError('busy', 'too much')) }),
    )
    assert.equal(later.code, ResponseCode.SYSTEM_BUSY)
    const fast = await answerTo((dispatcher) =>
      dispatcher.addFast({
        [CODE]: () => {
          throw new MqError('noPermission', 'not you')
        },
      }),
    )
    assert.equal(fast.code, ResponseCode.NO_PERMISSION)
  })

  it('answers unexpected failures with code 1 and logs them', async () => {
    const answer = await answerTo((dispatcher) =>
      dispatcher.add({
        [CODE]: () => {
          throw new TypeError('a fault of ours')
        },
      }),
    )
    assert.equal(answer.code, ResponseCode.SYSTEM_ERROR)
    assert.deepEqual(answer.log, ['a request failed unexpectedly'])
    assert(answer.isOpen)
  })

  it('refuses where an answer is too large for a frame, given now or later', async () => {
    const body = Buffer.alloc(17 * 1024 * 1024)
    for (const handler of [() => ({ body }), async () => ({ body })]) {
      const answer = await answerTo((dispatcher) => dispatcher.add({ [CODE]: handler }))
      assert.equal(answer.code, ResponseCode.SYSTEM_ERROR)
      assert.match(answer.remark ?? '', /an answer of 17825792 bytes/)
      assert(answer.isOpen)
    }
  })

  it('answers a handler that fails later, whatever the kind of its error', async () => {
    const fail = () => Promise.reject(new MqError('badFrame', 'a request to a client that is too large'))
    const answer = await answerTo((dispatcher) => dispatcher.add({ [CODE]: fail }))
    assert.equal(answer.code, ResponseCode.SYSTEM_ERROR)
    assert(answer.isOpen)
  })

  it('adds the fields that errors of some codes carry', async () => {
    const answer = await answerTo((dispatcher) => {
      dispatcher.errorFields = { [CODE]: { MSG_REGION: 'r' } }
      dispatcher.add({ [CODE]: () => Promise.reject(new MqError('busy', 'too much')) })
    })
    assert.deepEqual(answer.fields, { MSG_REGION: 'r' })
  })

  it('tells newer clients to go away while shutting down, and still serves older ones', async () => {
    const shut = (dispatcher: RequestDispatcher): void => {
      dispatcher.add({ [CODE]: () => ({}) })
      dispatcher.isShuttingDown = true
    }
    assert.equal((await answerTo(shut, { code: CODE, version: 515 })).code, ResponseCode.GO_AWAY)
    assert.equal((await answerTo(shut, { code: CODE, version: 475 })).code, ResponseCode.SUCCESS)
  })

  it('refuses a code that is claimed twice', () => {
    const dispatcher = new RequestDispatcher(new TestLog())
    dispatcher.add({ [CODE]: () => ({}) })
    assert.throws(() => dispatcher.addFast({ [CODE]: () => undefined }), { kind: 'internal' })
    assert.deepEqual(dispatcher.codes, [CODE])
  })
})

describe('responseCodeOf', () => {
  it('has a code that RocketMQ knows for every kind', () => {
    for (const kind of Object.keys(errorKinds)) {
      assert(responseCodeName(responseCodeOf(kind as keyof typeof errorKinds)), kind)
    }
  })
})
