import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { MessageDraft } from '../store/message-draft.ts'
import { IncomingMessage } from './incoming-message.ts'
import { TestBroker } from './test-broker.ts'

/** Texts of properties, mostly laid out alike. */
const texts = fc
  .array(
    fc.tuple(
      fc.constantFrom('UNIQ_KEY', 'KEYS', 'TAGS', 'WAIT', 'x'),
      fc.constantFrom('a1', 'b2', 'a b', 'false', 'true'),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${name}\u0001${value}\u0002`).join(''))

describe('MessageSender', () => {
  it('stores the messages of a batch as it stores each alone with what they share', async (t) => {
    const test = TestBroker.open()
    t.after(() => test.close())
    const { sender, store } = test.broker
    const drafts: unknown[] = []
    store.append = (draft) => {
      drafts.push(said(draft))
      return 0
    }
    const message = new IncomingMessage()
    message.topic = test.topic('orders')
    fc.assert(
      fc.property(
        texts,
        fc.array(texts, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (shared, own, isOpen) => {
          const header = Buffer.from(`UNIQ_KEY\u0001batch\u0002${shared}`)
          const parts = own.map((text) => (isOpen ? text.slice(0, -1) : text))
          message.body = Buffer.from(`m${parts.join('')}`)
          message.bodyEnd = 1
          drafts.length = 0
          sender.properties.begin()
          sender.properties.add(header, 0, header.length)
          sender.properties.share()
          sender.beginBatch(message, parts.length, 1000)
          let at = 1
          for (const part of parts) {
            sender.sendInBatch(message, at, at + part.length, undefined, 0)
            at += part.length
          }
          const together = drafts.splice(0)
          at = 1
          for (const part of parts) {
            sender.properties.begin()
            sender.properties.add(message.body, at, at + part.length)
            sender.properties.add(header, 0, header.length)
            sender.prepare(message)
            sender.send(message, undefined, 0)
            at += part.length
          }
          assert.deepEqual(together, drafts)
        },
      ),
    )
  })
})

/** What a draft tells the store of its properties. */
function said(draft: MessageDraft): unknown {
  const { front, frontAt, frontEnd, properties, propertiesAt, propertiesEnd } = draft
  const { tagsCode, waitsForDisk, keys, queueId, body, bodyAt, bodyEnd } = draft
  return {
    text:
      front.toString('utf8', frontAt, frontEnd) + properties.toString('utf8', propertiesAt, propertiesEnd),
    ...{ tagsCode, waitsForDisk, queueId, keys: [...keys.hashes.subarray(0, keys.count)] },
    body: body.toString('utf8', bodyAt, bodyEnd),
  }
}
