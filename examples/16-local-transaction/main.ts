// A message and two databases that agree, whoever crashes when. The shop's transaction decides whether the message is
// delivered. The warehouse notes a message in the same transaction that handles it: when it comes again, nothing happens
// twice (an idempotent consumer). A broker asks for an end that it has not heard of after transactionTimeOut (6 s),
// every transactionCheckInterval (30 s).
import assert from 'node:assert/strict'
import sqlite from 'node-sqlite3-wasm'
import { connect, Retry } from 'ternmq/client'
import { inTransaction } from './in-transaction.ts'

const shop = new sqlite.Database()
shop.exec('CREATE TABLE orders (message_id TEXT PRIMARY KEY, item TEXT, count INT CHECK (count > 0))')
const warehouse = new sqlite.Database()
warehouse.exec('CREATE TABLE handled (message_id TEXT PRIMARY KEY)')
warehouse.exec(`CREATE TABLE stock (item TEXT PRIMARY KEY, count INT);
  INSERT INTO stock VALUES ('tea', 10), ('cups', 10)`)

await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'placed-orders'
await using producer = client.transactionProducer({
  group: 'shop-orders',
  check: ({ messageId }) =>
    shop.get('SELECT * FROM orders WHERE message_id = ?', messageId) ? 'commit' : 'rollback',
})
for (const { item, count, isCrashing } of [
  { item: 'tea', count: 3 },
  { item: 'tea', count: -1 },
  { item: 'cups', count: 2, isCrashing: true },
]) {
  const order = `${count} ${item}`
  const { outcome, error } = await producer.send({ topic, body: order }, ({ transactionId }) => {
    shop.run('INSERT INTO orders VALUES (?, ?, ?)', [transactionId, item, count])
    return isCrashing ? 'unknown' : 'commit' // a shop that crashes here has told nobody
  })
  console.log(`shop: ${order}: ${outcome} ${error ?? ''}`)
}

const consumer = client.consumer({ group: 'warehouse', topic, from: 'earliest' })
const settled = new Set<string>()
await consumer.run(({ messageId, text: order }, { deliveryCount }) => {
  const [count, item = ''] = order.split(' ')
  const isNew = inTransaction(warehouse, () => {
    if (warehouse.run('INSERT OR IGNORE INTO handled VALUES (?)', messageId).changes === 0) return false
    warehouse.run('UPDATE stock SET count = count - ? WHERE item = ?', [Number(count), item])
    return true
  })
  console.log(`warehouse: ${order}, delivery ${deliveryCount}: ${isNew ? 'handled' : 'known already'}`)
  if (deliveryCount === 1) throw new Retry({ ms: 1000 }) // as if it had crashed before it could acknowledge
  if (settled.add(order).size === 2) void consumer.close()
})
assert.deepEqual(warehouse.all('SELECT * FROM stock ORDER BY item'), [
  { item: 'cups', count: 8 },
  { item: 'tea', count: 7 },
])
