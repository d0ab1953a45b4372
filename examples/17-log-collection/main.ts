// Log collection: services hand their lines over without waiting for an answer to each (`linger` sends them in batches); a
// collector files them by the hundred, and gives the broker its offsets only once they are on disk; alerts hears of
// errors alone, by tag.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'ternmq/client'

const LINES_PER_SERVICE = 2000
await using client = await connect({ namesrv: process.env.NAMESRV_ADDR ?? '127.0.0.1:9876' })
const topic = 'service-logs'
const shipper = client.producer({ group: 'log-shippers', linger: { ms: 10 } })
const services = ['shop', 'stock', 'mail']
const beganMs = performance.now()
const shipped = services.flatMap((service) =>
  Array.from({ length: LINES_PER_SERVICE }, (_, index) => {
    const level = index % 500 === 499 ? 'error' : 'info'
    const body = JSON.stringify({ service, level, index })
    return shipper.send({ topic, tag: level, body })
  }),
)
await Promise.all(shipped)
console.log(`${shipped.length} lines shipped in ${(performance.now() - beganMs).toFixed(0)} ms`)

const folder = await mkdtemp(join(tmpdir(), 'logs-'))
const collector = client.consumer({ group: 'log-archive', topic, from: 'earliest', manualAck: true })
let filedCount = 0
while (filedCount < shipped.length) {
  const messages = await collector.pull({ max: 500 })
  for (const service of services) {
    const lines = messages.filter(({ text }) => JSON.parse(text).service === service)
    await appendFile(join(folder, `${service}.log`), lines.map(({ text }) => `${text}\n`).join(''))
  }
  for (const message of messages) collector.ack(message)
  filedCount += messages.length
}
await collector.close()
for (const service of services) {
  const lines = (await readFile(join(folder, `${service}.log`), 'utf8')).trimEnd().split('\n')
  console.log(`${service}.log: ${lines.length} lines`)
  assert.equal(new Set(lines).size, LINES_PER_SERVICE)
}
await rm(folder, { recursive: true })

const alerts = client.consumer({ group: 'alerts', topic, filter: 'error', from: 'earliest' })
let errorCount = 0
for await (const { text } of alerts) {
  console.log(`alert: ${text}`)
  if (++errorCount === 12) break
}
