import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connect } from '#ternmq/client/index.ts'
import { ServerProcess, testFolder } from './server-process.ts'
import { until, untilTopic } from './test-system.ts'

const FREE_PORTS = ['--namesrv-port', '0', '--listen-port', '0', '--http-port', '0']

describe('ternmq start --shards', () => {
  it('spreads a topic over brokers in processes of their own, starts one again that dies, and stops all', async (t) => {
    const args = ['start', ...FREE_PORTS, '--store-path-root-dir', testFolder(t), '--shards', '2']
    const server = new ServerProcess(t, args)
    const { clients } = await server.logged('ready', 'clients')
    const client = await connect({ namesrv: String(clients).replace('NAMESRV_ADDR=', '') })
    t.after(() => client.close())
    await client.admin.createTopic({ topic: 'orders', queueCount: 2 })
    const brokersOf = async (): Promise<string[]> => {
      const { brokerDatas } = await client.admin.route('orders')
      return brokerDatas.map(({ brokerName }) => brokerName).sort()
    }
    await untilTopic(client, 'orders')
    await until(async () => (await brokersOf()).length === 2)
    assert.deepEqual(await brokersOf(), ['broker-a-0', 'broker-a-1'])
    const producer = client.producer()
    const used = new Set<string>()
    for (let i = 0; i < 8; i++)
      used.add((await producer.send({ topic: 'orders', body: `m${i}` })).queue.brokerName)
    assert.equal(used.size, 2)

    const startedOf = (shard: number): number[] =>
      server.stdout
        .split('\n')
        .filter((line) => line.includes('"shard started"') && line.includes(`"shard":${shard}`))
        .map((line) => JSON.parse(line).pid)
    const [pid] = startedOf(1)
    assert.ok(pid)
    process.kill(pid, 'SIGKILL')
    await until(() => startedOf(1).length === 2)
    await until(async () => (await brokersOf()).length === 2)

    const { code } = await server.stop('SIGTERM')
    assert.equal(code, 0)
    for (const each of [...startedOf(0), ...startedOf(1)])
      assert.throws(() => process.kill(each, 0), { code: 'ESRCH' })
  })

  it('refuses a number of shards that is none', async (t) => {
    const args = ['start', ...FREE_PORTS, '--store-path-root-dir', testFolder(t), '--shards', 'many']
    const { code, stderr } = await new ServerProcess(t, args).ended
    assert.equal(code, 1)
    assert.match(stderr, /--shards wants auto or a number from 1 to 256, not "many"/)
  })
})
