import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verbs } from '#ternmq/admin/verbs.ts'
import { RealClock } from '#ternmq/base/host/real-clock.ts'
import { RequestCode } from '#ternmq/protocol/request-code.ts'
import { mqadminNeeds } from '#ternmq/server/mqadmin-needs.ts'
import { TestCli } from './test-cli.ts'
import { TestSystem, until, untilTopic } from './test-system.ts'

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

/** A minute behind. */
class LateClock extends RealClock {
  override nowMs(): number {
    return super.nowMs() - 60_000
  }
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
    assert.match(gone.error, /orders does not exist\n {2}ternmq topic list/)
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
    const changes = await cli.json<{ id: number; kind: string }[]>('offset', 'changes', '--group', 'g')
    assert.deepEqual(
      changes.map(({ id, kind }) => [id, kind]),
      [
        [2, 'reset'],
        [1, 'reset'],
      ],
    )
    await cli.json('offset', 'undo', '2')
    assert.equal(await lagOf(), 6)
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
    const added = await cli.run('context', 'add', 'here', system.namesrv)
    assert.equal(added.out, `context here is ${system.namesrv}, and commands go there\n`)
    await assert.rejects(cli.run('context', 'remove', 'there'), /no context there .*known: here/)
    assert.deepEqual(await cli.json('context', 'list'), [
      { name: 'here', namesrv: system.namesrv, current: true },
    ])
    assert.deepEqual(await cli.json('topic', 'list', '--context', 'here'), [{ topic: 'orders' }])
    await assert.rejects(cli.run('topic', 'list', '--context', 'there'), /no context there .*known: here/)
  })

  it('takes what all verbs share before the noun, before the verb and behind it', async (t) => {
    const { system, cli } = await withTopic(t)
    const nowhere = ['--namesrv', '127.0.0.1:1']
    const shared = ['-n', system.namesrv, '--json']
    for (const words of [
      [...shared, 'topic', 'list'],
      ['topic', ...shared, 'list'],
      [...nowhere, 'topic', 'list', ...shared],
      [...shared, 'mqadmin', 'topicList'],
    ]) {
      const { out, error } = await cli.run(...words)
      assert.equal(error, '')
      assert.deepEqual(JSON.parse(out), [{ topic: 'orders' }], words.join(' '))
    }
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

  it('lists the brokers that answer beside those that do not, and fails', async (t) => {
    const { system, cli } = await withTopic(t)
    const fields = {
      ...{ clusterName: 'DefaultCluster', brokerName: 'broker-0', brokerAddr: '127.0.0.1:1' },
      ...{ brokerId: '0', haServerAddr: '' },
    }
    const client = await system.client()
    await client.admin.askNamesrv({ code: RequestCode.REGISTER_BROKER, extFields: fields })
    const { out, error, exitCode } = await cli.run('broker', 'list', '--json')
    assert.deepEqual([exitCode, error], [1, 'ternmq: 1 of 2 brokers do not answer\n'])
    const [gone, there] = JSON.parse(out)
    assert.deepEqual([gone.broker, there.broker, there.active], ['broker-0', 'broker-a', 'true'])
    assert.match(gone.error, /127\.0\.0\.1:1/)
  })

  it('tails what comes, from a time on and by tag, and ends when it has enough', async (t) => {
    const { system, cli } = await withTopic(t)
    const producer = (await system.client()).producer()
    for (const tag of ['A', 'B', 'A']) await producer.send({ topic: 'orders', body: `of ${tag}`, tag })
    const { out, exitCode } = await cli.run('tail', 'orders', '--from', '0', '--tags', 'A', '--max', '2')
    assert.equal(exitCode, 0)
    assert.equal(out.match(/\[A\] of A/g)?.length, 2)
    assert.doesNotMatch(out, /of B/)
  })

  it('shows what clients of a group hold, and has one consume a message', async (t) => {
    const { system, cli } = await withTopic(t)
    const client = await system.client()
    const group = 'workers'
    await cli.run('group', 'create', group)
    assert.match((await cli.run('group', 'status', group)).out, /no client of group workers is connected/)
    const [queue] = await client.producer().queues('orders')
    assert.ok(queue)
    const { messageId } = await client.producer().send({ topic: 'orders', body: 'm' }, { queue })
    const held: (() => void)[] = []
    void client.pop({ group, topic: 'orders' }).run(() => {
      if (held.length === 0) return new Promise<void>((resolve) => held.push(resolve))
      return undefined
    })
    const rows = () => cli.json<{ queue: number; cached: number }[]>('group', 'status', group)
    await until(async () => held.length === 1)
    const shown = (await rows()).map(({ queue: id, cached }) => [id, cached])
    assert.deepEqual(shown, [[queue.queueId, 1]])
    const stack = await cli.run('group', 'status', group, '--stack')
    assert.match(stack.out, /1 of 20 handlers at work/)
    const { result } = await cli.json<{ result: string }>(
      ...['message', 'get', 'orders', messageId, '--group', group, '--consumer', client.clientId],
    )
    assert.equal(result, 'CR_SUCCESS')
    held[0]?.()
    await until(async () => (await rows()).length === 0)
  })

  it('checks as a Nagios plugin does, with exit codes', async (t) => {
    const { system, cli } = await withTopic(t)
    await cli.run('group', 'create', 'g')
    assert.equal((await cli.run('check', 'lag', 'g')).exitCode, 0)
    const nobody = await cli.run('check', 'lag', 'h')
    assert.deepEqual([nobody.exitCode, nobody.out, nobody.error], [3, 'UNKNOWN: there is no group h\n', ''])
    const client = await system.client()
    const [queue] = await client.admin.queues('orders')
    assert.ok(queue)
    for (let i = 0; i < 3; i++) await client.producer().send({ topic: 'orders', body: 'm' }, { queue })
    const consumer = client.consumer({ group: 'g', topic: 'orders', from: 'earliest' })
    await consumer.pull({ max: 1 })
    await consumer.close()
    const behind = await cli.run('check', 'lag', 'g', '--warn', '1')
    assert.equal(behind.exitCode, 2, behind.out)
    assert.match(behind.out, /^CRITICAL: g is \d messages behind, 0 clients \| lag=\d/)
    assert.equal((await cli.run('check', 'brokers', '--warn', '0', '--critical', '100')).exitCode, 1)
    assert.equal((await cli.run('check', 'dlq', 'g')).exitCode, 0)
    const rows = await cli.json<{ ok: string }[]>('doctor')
    assert.deepEqual([...new Set(rows.map(({ ok }) => ok))], ['yes'])
    const other = await TestSystem.start(t)
    cli.clock = new LateClock()
    const both = await cli.run('-n', `${system.namesrv};${other.namesrv}`, 'doctor')
    assert.equal(both.exitCode, 1)
    assert.match(both.out, /NameServers +know different brokers/)
    assert.match(both.out, /clock of broker-a +(59|60) s ahead of this machine/)
  })

  it('writes a cluster as a file, and makes another like it, once', async (t) => {
    const { cli } = await withTopic(t)
    await cli.run('group', 'create', 'billing', '--retry-max', '5')
    await cli.run('export', '--file', 'cluster.yaml')
    const exported = cli.files.get('cluster.yaml') ?? ''
    assert.match(exported, /orders:\n {4}readQueues: 2/)
    assert.match(exported, /billing:\n(?: {4}.*\n)*? {4}retryMax: 5/)
    assert.deepEqual(await cli.json('diff', 'cluster.yaml'), [])
    cli.files.set(
      'cluster.yaml',
      exported.replace('readQueues: 2', 'readQueues: 3').replace('billing:', 'audit:'),
    )
    const wanted = await cli.json<{ change: string; name: string }[]>('diff', 'cluster.yaml', '--prune')
    const names = wanted.map(({ change, name }) => `${change} ${name}`)
    assert.deepEqual(names, ['change orders', 'make audit', 'delete billing'])
    assert.equal((await cli.run('apply', 'cluster.yaml', '--prune')).exitCode, 2)
    assert.equal((await cli.json<unknown[]>('apply', 'cluster.yaml', '--prune', '--yes')).length, 3)
    assert.deepEqual(await cli.json('apply', 'cluster.yaml', '--prune', '--yes'), [])
    cli.files.set('bad.yaml', 'topics: { t: { readQueues: 0, writeQueues: 1 } }')
    const bad = await cli.run('apply', 'bad.yaml')
    assert.deepEqual([bad.exitCode, /topics\.t\.readQueues/.test(bad.error)], [2, true])
  })

  it("shows a message's way where clients trace it", async (t) => {
    const system = await TestSystem.start(t, { settings: { traceTopicEnable: 'true' } })
    const cli = new TestCli(system)
    await cli.run('topic', 'create', 'orders', '--queues', '1')
    const client = await system.client({ trace: true })
    await untilTopic(client, 'orders')
    const { messageId } = await client.producer().send({ topic: 'orders', body: 'm', keys: 'k' })
    interface Step {
      readonly what: string
      readonly result: string
    }
    let steps: Step[] = []
    await until(async () => {
      steps = await cli.json<Step[]>('trace', 'show', messageId)
      return steps.length > 0
    })
    assert.deepEqual(
      steps.map(({ what, result }) => [what, result]),
      [['sent (normal)', 'ok']],
    )
    assert.equal((await cli.json<Step[]>('trace', 'show', 'k')).length, 1)
  })

  it('makes users and gives them rights, signed by the super user', async (t) => {
    const settings = {
      authenticationEnabled: 'true',
      authorizationEnabled: 'true',
      initAuthenticationUser: '{"username":"root","password":"root-secret"}',
      innerClientAuthenticationCredentials: '{"accessKey":"root","secretKey":"root-secret"}',
    }
    const cli = new TestCli(await TestSystem.start(t, { settings }))
    assert.equal((await cli.run('acl', 'users')).exitCode, 1, 'nobody is nobody')
    cli.credentials = { accessKey: 'root', secretKey: 'root-secret' }
    assert.equal((await cli.run('acl', 'create-user', 'shop', '--password', 'shop-secret')).exitCode, 0)
    const made = await cli.run(
      'mqadmin',
      'createAcl',
      '-c',
      'DefaultCluster',
      '-s',
      'User:shop',
      '-r',
      'Topic:orders',
      '-a',
      'Pub,Sub',
      '-d',
      'Allow',
    )
    assert.equal(made.exitCode, 0, made.error)
    const users = await cli.json<{ user: string; type: string }[]>('acl', 'users')
    assert.deepEqual(users.map(({ user, type }) => `${user} ${type}`).sort(), ['root Super', 'shop Normal'])
    const rights = await cli.json<{ subject: string; resource: string; actions: string }[]>('acl', 'list')
    assert.deepEqual(
      rights.map(({ subject, resource, actions }) => [subject, resource, actions]),
      [['User:shop', 'Topic:orders', 'Pub,Sub']],
    )
    await cli.run('export', '--file', 'acl.yaml')
    const exported = cli.files.get('acl.yaml') ?? ''
    assert.match(exported, /^ {2}shop:\n {4}type: Normal\n {4}status: enable$/m)
    assert.match(exported, /^ {2}User:shop:\n(?:.*\n)*? {6}decision: Allow$/m)
    assert.deepEqual(await cli.json('diff', 'acl.yaml', '--prune'), [])
    const more = exported
      .replace('  shop:\n', '  till:\n    password: till-secret\n    status: disable\n  shop:\n')
      .replace(
        '  User:shop:\n',
        '  User:till:\n    Topic:orders: { actions: [ Sub ], decision: Deny }\n  User:shop:\n',
      )
    cli.files.set('more.yaml', more)
    const changes = await cli.json<{ change: string; what: string; name: string }[]>('apply', 'more.yaml')
    assert.deepEqual(
      changes.map(({ change, what, name }) => `${change} ${what} ${name}`),
      ['make user till', 'make right User:till Topic:orders'],
    )
    assert.deepEqual(await cli.json('apply', 'more.yaml'), [])
    const pruned = await cli.json<{ change: string; name: string }[]>('apply', 'acl.yaml', '--prune', '--yes')
    assert.deepEqual(
      pruned.map(({ change, name }) => `${change} ${name}`),
      ['delete till', 'delete User:till Topic:orders'],
    )
    assert.deepEqual(await cli.json('diff', 'acl.yaml', '--prune'), [])
    cli.files.set('acl.yaml', 'users: { nobody: {} }')
    assert.match(
      (await cli.run('apply', 'acl.yaml')).error,
      /users\.nobody does not exist yet: it wants a password/,
    )
    await cli.run('acl', 'revoke', 'User:shop', '--yes')
    assert.deepEqual(await cli.json('acl', 'list'), [])
  })

  it('loads a cluster at a rate, and counts every message, but none of an earlier run', async (t) => {
    const { cli } = await withTopic(t)
    for (const due of ['ternmq-bench-1 9000000000000000', '9000000000000000'])
      await cli.run('message', 'send', 'orders', 'old', '--property', `BENCH_DUE_US=${due}`)
    const rows = await cli.json<{ what: string; messages: number }[]>(
      ...['bench', 'orders', '--rate', '200', '--seconds', '1', '--warm-seconds', '0'],
    )
    assert.deepEqual(
      rows.map(({ what, messages }) => [what, messages]),
      [
        ['send', 200],
        ['send to consumer', 200],
      ],
    )
  })

  it('has no two verbs of a name, and no flag that leads nowhere', () => {
    const names = verbs.map(({ noun, name }) => `${noun} ${name}`)
    assert.equal(new Set(names).size, names.length)
    const aliases = verbs.flatMap(({ mqadmin }) => mqadmin.map(({ name }) => name))
    assert.equal(new Set(aliases).size, aliases.length)
    assert.deepEqual(aliases.toSorted(), Object.keys(mqadminNeeds).toSorted(), 'every sub-command of mqadmin')
    for (const { mqadmin, options, positional } of verbs) {
      for (const name of positional) assert.ok(options[name], name)
      for (const { name, flags } of mqadmin)
        for (const option of Object.values(flags))
          assert.ok(option === '' || options[option], `${name} ${option}`)
    }
  })
})
