import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createTestBroker } from 'ternmq/testing'
import { Reminder } from './reminder.ts'

it('cancels what is not paid within ten minutes', async () => {
  await using broker = await createTestBroker({ topics: ['unpaid'] })
  const reminder = new Reminder(await broker.connect())
  reminder.start()
  await reminder.placed('a')
  await reminder.placed('b')
  reminder.paid('a')

  await broker.advance('9m')
  assert.deepEqual(reminder.cancelled, [])
  await broker.advance('2m')
  assert.deepEqual(reminder.cancelled, ['b'])
})
