// Kill -9, restarts and rebalances under load: nothing that was acknowledged is lost, and order is kept.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { LossAudit, Retry } from '../../../dist/client/index.js'
import { ask, until } from './checks.mjs'
import { another, client, collect, newTopic, producer } from './sdk-context.mjs'

/** Messages of a group whose queues are consumed in order: of each queue they are to come by rising offsets. */
class Order {
  /** The offset that is due, by queue. */
  #due = new Map()
  seen = new Set()
  faults = []
  /** What came again after a rebalance or a kill. */
  repeated = 0

  take({ queue: { queueId }, queueOffset, text }) {
    const due = this.#due.get(queueId) ?? 0
    if (queueOffset > due) this.faults.push(`queue ${queueId}: offset ${queueOffset} where ${due} was due`)
    if (queueOffset < due) this.repeated++
    this.#due.set(queueId, queueOffset + 1)
    this.seen.add(text)
  }
}

/** Numbers that were acknowledged and are not stored, by the audit of the whole topic. */
async function lostOf(topic) {
  const queues = await client.admin.queues(topic)
  const ends = await Promise.all(queues.map((queue) => client.admin.maxOffset(queue)))
  const lite = client.litePull({ group: 'sdk-loss-audit', from: 'earliest', autoCommit: false })
  await lite.assign(queues)
  const audits = new Map(queues.map(({ queueId }) => [queueId, new LossAudit({ isWhole: true })]))
  let left = ends.reduce((sum, end) => sum + end, 0)
  while (left > 0) {
    const messages = await lite.pull({ max: 1000, waitMs: 5000 })
    for (const message of messages) audits.get(message.queue.queueId).add(message)
    left -= messages.length
  }
  await lite.close()
  return [...audits.values()].flatMap((audit) => audit.report().flatMap(({ lost }) => lost))
}

export const losing = {
  async 'kill-audit'() {
    const topic = await newTopic('sdk-audit')
    const next = [0, 0, 0, 0]
    const faults = []
    collect({ group: 'sdk-audit', topic, ordered: true }, ({ queue: { queueId }, text }) => {
      const number = Number(text)
      if (number === next[queueId]) next[queueId]++
      else if (number > next[queueId])
        faults.push(`queue ${queueId}: ${number} where ${next[queueId]} was due`)
    })
    const send = async (queueIndex, from, end) => {
      for (let number = from; number < end; ) {
        try {
          await producer.send({ topic, body: String(number) }, { queueIndex })
          number++
        } catch (error) {
          if (!error.retriable) throw error
          await pause(100)
        }
      }
    }
    const sendAll = (from, end) => Promise.all(next.map((_, queue) => send(queue, from, end)))
    await sendAll(0, 50)
    const sending = sendAll(50, 150)
    await ask('kill')
    await sending
    await ask('restart')
    await sendAll(150, 200)
    await until(() => next.every((number) => number === 200))
    assert.deepEqual(faults, [])
  },

  async 'loss-audit'() {
    const topic = await newTopic('sdk-loss')
    const sent = client.sequencedProducer({ group: 'sdk-loss', timeoutMs: 2000 })
    const acknowledged = new Set()
    const inOrder = new Order()
    const anyOrder = new Set()
    const others = [await another(), await another()]
    const join = (by, kind) => {
      const ordered = kind === 'ordered'
      const consumer = by.consumer({
        group: `sdk-loss-${kind}`,
        topic,
        from: 'earliest',
        ordered,
        suspendMs: 20,
      })
      let count = 0
      void consumer.run((message) => {
        if (++count % 97 === 0) throw new Retry({ level: 1 })
        if (ordered) inOrder.take(message)
        else anyOrder.add(message.text)
      })
      return consumer
    }
    let goesOn = true
    let number = 0
    const sending = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (goesOn) {
          const body = String(number++)
          try {
            await sent.send({ topic, body })
            acknowledged.add(body)
          } catch (error) {
            if (!error.retriable) throw error
            await pause(50)
          }
          await pause(1)
        }
      }),
    )
    const members = ['ordered', 'any'].map((kind) => join(client, kind))
    for (const kind of ['ordered', 'any']) join(others[0], kind)
    for (const disturb of ['kill', 'rebalance', 'restart', 'kill']) {
      await pause(1500)
      if (disturb !== 'rebalance') await ask(disturb)
      else {
        await Promise.all(members.map((consumer) => consumer.close()))
        for (const kind of ['ordered', 'any']) join(others[1], kind)
      }
    }
    await pause(1500)
    goesOn = false
    await sending
    await until(() => [...acknowledged].every((body) => inOrder.seen.has(body) && anyOrder.has(body)))
    assert.deepEqual(inOrder.faults, [])
    assert.deepEqual(await lostOf(topic), [])
    process.stdout.write(
      `${acknowledged.size} acknowledged, 0 lost, ${inOrder.repeated} handled again in order\n`,
    )
    await Promise.all(others.map((each) => each.close()))
  },
}
