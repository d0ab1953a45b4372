import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestSystem, untilTopic } from './test-system.ts'

describe('requests with replies', () => {
  it('come back to the one who asked, each to its own', async (t) => {
    const system = await TestSystem.start(t)
    const [asker, answerer] = [await system.client(), await system.client()]
    await answerer.admin.createTopic({ topic: 'questions', queueCount: 2 })
    await untilTopic(answerer, 'questions')
    const replies = answerer.producer({ group: 'answers' })
    void answerer.consumer({ group: 'desk', topic: 'questions', from: 'earliest' }).run(async (message) => {
      await replies.reply(message, { body: `${message.text}!` })
    })
    const producer = asker.producer()
    const asked = ['a', 'b', 'c']
    const answers = await Promise.all(
      asked.map((body) => producer.request({ topic: 'questions', body }, { timeoutMs: 20_000 })),
    )
    assert.deepEqual(
      answers.map(({ text }) => text),
      ['a!', 'b!', 'c!'],
    )
    const stored = system.broker?.store.queues.existing('DefaultCluster_REPLY_TOPIC', 0)
    assert.equal(stored?.maxOffset, 3)
  })
})
