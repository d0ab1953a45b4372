// What the checks of `sdk.mjs` share.
import { execFile } from 'node:child_process'
import { connect } from '../../../dist/client/index.js'
import { until } from './checks.mjs'

export const namesrv = process.argv[2]

/** How the target wants to be talked to: with a signature, by TLS. */
const options = JSON.parse(process.env.SDK_OPTIONS ?? '{}')

export const client = await connect({ namesrv, ...options })
export const producer = client.producer({ group: 'sdk', timeoutMs: 15_000 })

/** A further client, with these options beside the NameServer. */
export function another(more = {}) {
  return connect({ namesrv, ...options, ...more })
}

/** Starts the official Java client as the other side; it ends after two minutes if not by itself. */
export function javaPeer(...words) {
  const { command, args, env } = JSON.parse(process.env.INTEROP_JAVA ?? 'null')
  return execFile(command, [...args, ...words], { env: { ...process.env, ...env }, timeout: 120_000 })
}

/** A topic of its own for a check; done when it can be sent to. */
export async function newTopic(name, queueCount = 4) {
  await client.admin.createTopic({ topic: name, queueCount })
  await until(async () => (await client.admin.queues(name).catch(() => [])).length === queueCount)
  return name
}

/** Consumes into a list. */
export function collect(how, handler = () => undefined, by = client) {
  const seen = []
  const consumer = by.consumer({ from: 'earliest', ...how })
  void consumer.run(async (message, context) => {
    await handler(message, context)
    seen.push(message)
  })
  return { seen, consumer }
}

export const textsOf = (messages) => messages.map(({ text }) => text).sort()

/** Sends texts one after the other. */
export async function sendAll(topic, texts) {
  for (const body of texts) await producer.send({ topic, body })
}

/** What a group has buried, once there is something. */
export async function deadLetters(group) {
  const topic = `%DLQ%${group}`
  const dead = []
  const lite = client.litePull({ group: `${group}-dead`, from: 'earliest', autoCommit: false })
  await until(async () => (await client.admin.route(topic).catch(() => undefined)) !== undefined)
  const { brokerDatas } = await client.admin.route(topic)
  await lite.assign([{ topic, brokerName: brokerDatas[0].brokerName, queueId: 0 }])
  await until(async () => dead.push(...(await lite.pull({ waitMs: 1000 }))) > 0)
  await lite.close()
  return dead
}
