import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verbs } from '#ternmq/admin/verbs.ts'
import { TestCli } from './test-cli.ts'
import { TestSystem, untilTopic } from './test-system.ts'

interface QueueRow {
  readonly broker: string
  readonly queue: number
  readonly maxOffset: number
}

async function withTopic(
  t: Parameters<typeof TestSystem.start>[0],
): Promise<{ system: TestSystem; cli: TestCli }> {
  const system = await TestSystem.start(t)
  const cli = new TestCli(system)
  const made = await cli.run('topic', 'create', 'orders', '--queues', '2')
  assert.equal(made.exitCode, 0, made.error)
  await untilTopic(await system.client(), 'orders')
  return { system, cli }
}

describe('the command line', () => {
  it('makes a topic, sends to it, finds what was sent, and deletes it only when sure', async (t) => {
    const { cli } = await withTopic(t)
    const sent = await cli.json<{ id: string; offsetId: string }>(
      ...['message', 'send', 'orders', 'hello', '--tag', 'A', '--keys', 'k1 k2', '--property', 'city=Bern'],
    )
    const status = await cli.json<QueueRow[]>('topic', 'status', 'orders')
    assert.deepEqual(
      status.map(({ queue }) => queue),
      [0, 1],
    )
    assert.equal(
      status.reduce((sum, { maxOffset }) => sum + maxOffset, 0),
      1,
    )
    const [byKey] = await cli.json<{ body: string; id: string }[]>('message', 'find', 'orders', 'k2')
    assert.deepEqual([byKey?.body, byKey?.id], ['hello', sent.id])
    for (const id of [sent.id, sent.offsetId]) {
      const found = await cli.json<{ tag: string; properties: string }>('message', 'get', 'orders', id)
      assert.equal(found.tag, 'A')
      assert.match(found.properties, /city=Bern/)
    }
    assert.equal((await cli.json<unknown[]>('message', 'print', 'orders', '--tags', 'B')).length, 0)
    const refused = await cli.run('topic', 'delete', 'orders')
    assert.deepEqual(
      [refused.exitCode, refused.error],
      [2, 'ternmq: topic delete destroys orders: say --yes\n'],
    )
    cli.isTerminal = true
    cli.typed = 'order'
    assert.equal((await cli.run('topic', 'delete', 'orders')).exitCode, 2)
    cli.typed = 'orders'
    assert.equal((await cli.run('topic', 'delete', 'orders')).exitCode, 0)
    const gone = await cli.run('topic', 'status', 'orders')
    assert.equal(gone.exitCode, 1)
    assert.match(gone.error, /orders does not exist \(ternmq topic list/)
  })

  it('keeps what a change does not name', async (t) => {
    const { cli } = await withTopic(t)
    await cli.run('topic', 'create', 'orders', '--perm', '4')
    const [route] = await cli.json<{ readQueues: number; perm: string }[]>('topic', 'route', 'orders')
    assert.deepEqual([route?.readQueues, route?.perm], [2, 'R--'])
    await cli.run('group', 'create', 'g', '--retry-max', '3')
    await cli.run('group', 'create', 'g', '--orderly', 'true')
    const [config] = await cli.json<{ retryMaxTimes: number; consumeMessageOrderly: boolean }[]>(
      'group',
      'config',
      'g',
    )
    assert.deepEqual([config?.retryMaxTimes, config?.consumeMessageOrderly], [3, true])
  })

  it('shows how far a group is, and moves it, with a preview first', async (t) => {
    const { system, cli } = await withTopic(t)
    const client = await system.client()
    const producer = client.producer()
    for (let i = 0; i < 6; i++) await producer.send({ topic: 'orders', body: `m${i}` }, { queueIndex: i })
    const consumer = client.consumer({ group: 'g', topic: 'orders', from: 'earliest' })
    let left = 6
    await new Promise<void>((resolve) => {
      consumer.run(() => {
        if (--left === 0) resolve()
      })
    })
    await consumer.close()
    const lagOf = async (): Promise<number> =>
      (await cli.json<{ topic: string; lag: number }[]>('group', 'progress', 'g'))
        .filter(({ topic }) => topic === 'orders')
        .reduce((sum, { lag }) => sum + lag, 0)
    assert.equal(await lagOf(), 0)
    const preview = await cli.json<{ messages: number }[]>(
      'offset',
      'reset',
      'g',
      'orders',
      '--to',
      '0',
      '--preview',
    )
    assert.deepEqual(
      preview.map(({ messages }) => messages),
      [3, 3],
    )
    assert.equal(await lagOf(), 0)
    await cli.json('offset', 'reset', 'g', 'orders', '--to', '0')
    assert.equal(await lagOf(), 6)
    await cli.run('offset', 'skip', 'g', 'orders', '--yes')
    assert.equal(await lagOf(), 0)
  })

  it('runs sub-commands of mqadmin with their own flags', async (t) => {
    const { system, cli } = await withTopic(t)
    const made = await cli.run(
      'mqadmin',
      'updateTopic',
      '-n',
      system.namesrv,
      '-c',
      'DefaultCluster',
      '-t',
      'T2',
      '-r',
      '3',
      '-w',
      '3',
    )
    assert.equal(made.exitCode, 0, made.error)
    const status = await cli.run('mqadmin', 'topicStatus', '--topic', 'T2')
    assert.match(status.out, /^broker {4}queue/)
    assert.equal(status.out.match(/broker-a/g)?.length, 3)
    const unknown = await cli.run('mqadmin', 'topicStatus', '-x')
    assert.deepEqual(
      [unknown.exitCode, unknown.error.split('\n')[0]],
      [2, 'ternmq mqadmin topicStatus: there is no flag -x'],
    )
    assert.equal((await cli.run('mqadmin', 'noSuchThing')).exitCode, 2)
  })

  it('goes where a context says, and says which are known when there is none of the name', async (t) => {
    const { system, cli } = await withTopic(t)
    await cli.run('context', 'add', 'here', system.namesrv)
    assert.deepEqual(await cli.json('context', 'list'), [
      { name: 'here', namesrv: system.namesrv, current: true },
    ])
    assert.deepEqual(await cli.json('topic', 'list', '--context', 'here'), [{ topic: 'orders' }])
    await assert.rejects(cli.run('topic', 'list', '--context', 'there'), /no context there .*known: here/)
  })

  it('answers every looking verb without an argument, and names what is missing', async (t) => {
    const { cli } = await withTopic(t)
    for (const words of [
      'broker list',
      'broker status',
      'broker config',
      'broker lag',
      'broker stats',
      'group list',
      'namesrv config',
    ]) {
      const rows = await cli.json<unknown[]>(...words.split(' '))
      assert.ok(Array.isArray(rows), words)
    }
    const bad = await cli.run('message', 'print', 'orders', '--from', 'yesterday')
    assert.equal(bad.exitCode, 2)
    assert.match(bad.error, /from wants a time .*not "yesterday"/)
  })

  it('has no two verbs of a name, and no flag that leads nowhere', () => {
    const names = verbs.map(({ noun, name }) => `${noun} ${name}`)
    assert.equal(new Set(names).size, names.length)
    const aliases = verbs.flatMap(({ mqadmin }) => mqadmin.map(({ name }) => name))
    assert.equal(new Set(aliases).size, aliases.length)
    for (const { mqadmin, options, positional } of verbs) {
      for (const name of positional) assert.ok(options[name], name)
      for (const { name, flags } of mqadmin)
        for (const option of Object.values(flags))
          assert.ok(option === '' || options[option], `${name} ${option}`)
    }
  })
})
