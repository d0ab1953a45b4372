// The command line, `ternmq <noun> <verb>`, as a program under the runner: what it does with TernMQ it is to do with the
// real RocketMQ too, and what only one of the two knows it says.
import assert from 'node:assert/strict'
import { connect, Reject } from '../../../dist/client/index.js'
import { runChecks, until } from './checks.mjs'
import { CommandLine } from './command-line.mjs'

const [namesrv, accessKey, secretKey, ...chosen] = process.argv.slice(2)
const credentials = { accessKey, secretKey }
const client = await connect({ namesrv, ...credentials })
const traced = await connect({ namesrv, ...credentials, trace: true })
const producer = client.producer({ group: 'cli-producers', timeoutMs: 15_000 })
const cli = new CommandLine(namesrv, credentials)

const [broker] = (await cli.ask('broker', 'list')).map(({ address }) => address)
const brokerName = 'broker-a'
const isTernmq = (await cli.run('offset', 'changes')).exitCode === 0

/** A topic of its own for a check; done when it can be sent to. */
async function newTopic(name, queues = 2) {
  await cli.ask('topic', 'create', name, '--queues', String(queues))
  await until(async () => (await client.admin.queues(name).catch(() => [])).length === queues)
  return name
}

/** Sends texts; done when readers can see them: RocketMQ shows a message a moment after its answer. */
async function send(topic, bodies) {
  const ends = new Map()
  for (const [index, body] of bodies.entries()) {
    const { queue, queueOffset } = await producer.send({ topic, body }, { queueIndex: index })
    ends.set(queue, queueOffset + 1)
  }
  for (const [queue, end] of ends) await until(async () => (await client.admin.maxOffset(queue)) >= end)
}

/** Consumes what is there, commits, and goes. */
async function consume(group, topic, count) {
  let seen = 0
  const consumer = client.consumer({ group, topic, from: 'earliest' })
  void consumer.run(() => {
    seen++
  })
  await until(() => seen >= count)
  await consumer.close()
}

const sum = (rows, column) => rows.reduce((total, row) => total + row[column], 0)

/** A message that no producer ever decides about: parked some time after, which the last check waits for. */
async function neverEnd() {
  const topic = await newTopic('cli-transactions', 1)
  const transactions = client.transactionProducer({ group: 'cli-transactions', check: async () => 'unknown' })
  await transactions.send({ topic, body: 'undecided', keys: 'undecided' }, async () => 'unknown')
}

const checks = {
  async topics() {
    await neverEnd()
    const topic = await newTopic('cli-topics')
    cli.files.set(
      'topics.json',
      JSON.stringify([{ topicName: 'cli-many', readQueueNums: 3, writeQueueNums: 3, perm: 6 }]),
    )
    await cli.ask('topic', 'create-many', 'topics.json')
    await until(async () => (await cli.ask('topic', 'list')).some((row) => row.topic === 'cli-many'))
    const [route] = await cli.ask('topic', 'route', topic)
    assert.deepEqual(
      [route.broker, route.addresses, route.readQueues, route.perm],
      [brokerName, `0=${broker}`, 2, 'RW-'],
    )
    await send(topic, ['a', 'b', 'c'])
    const status = await cli.ask('topic', 'status', topic)
    assert.deepEqual(
      status.map(({ queue, messages }) => [queue, messages]),
      [
        [0, 2],
        [1, 1],
      ],
    )
    assert.deepEqual(await cli.ask('topic', 'clusters', topic), [{ cluster: 'DefaultCluster' }])
    await cli.ask('topic', 'create', topic, '--queues', '4', '--order', 'true')
    await cli.ask('topic', 'create', topic, '--perm', '4')
    await until(async () => (await cli.ask('topic', 'route', topic))[0].perm === 'R--')
    assert.equal(
      (await cli.ask('topic', 'route', topic))[0].readQueues,
      4,
      'what a change does not name stays',
    )
    assert.deepEqual(await cli.ask('topic', 'order', topic), [{ topic, queues: `${brokerName}:4` }])
    await cli.ask('topic', 'order', topic, '--method', 'delete')
    assert.deepEqual(await cli.ask('topic', 'order', topic), [{ topic }])
    const [perm] = await cli.ask('topic', 'perm', topic, '6')
    assert.deepEqual([perm.before, perm.now], ['R--', 'RW-'])
    const dealt = await cli.ask('topic', 'allocate', topic, 'c1,c2')
    assert.deepEqual(
      dealt.map((row) => row.client),
      ['c1', 'c1', 'c2', 'c2'],
    )
    await cli.ask('topic', 'clean-unused')
    await cli.ask('topic', 'delete', topic, '--yes')
    await until(async () => !(await cli.ask('topic', 'list')).some((row) => row.topic === topic))
    assert.match(await cli.fail('topic', 'status', topic), /does not exist\n {2}ternmq topic list/)
    assert.match(await cli.fail('topic', 'delete', 'cli-many'), /destroys cli-many: say --yes/)
  },

  async insides() {
    const topic = await newTopic('cli-insides')
    const group = 'cli-insides'
    const handled = []
    const consumer = client.consumer({ group, topic, from: 'earliest', concurrency: 3 })
    void consumer.run(async ({ text }, { signal }) => {
      handled.push(text)
      if (text === 'slow' && handled.length <= 3)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      if (text === 'wrong' && handled.length > 3) throw new Error('not today')
    })
    await send(topic, ['slow', 'wrong', 'right'])
    await until(() => handled.length === 3)
    const rows = await cli.ask('group', 'status', group)
    const queues = rows.filter((row) => row.topic === topic)
    assert.deepEqual(queues.map(({ queue, commitOffset, cached }) => [queue, commitOffset, cached]).sort(), [
      [0, 0, 1],
      [1, 1, 0],
    ])
    const [{ client: clientId }] = rows
    const stacks = await cli.values('group', 'status', group, '--client', clientId, '--stack')
    assert.match(stacks.find(({ stack }) => stack).stack, /^1 of 3 handlers at work\n\S+ of .*cli-insides/)
    const { messageId } = await producer.send({ topic, body: 'wrong' })
    await until(() => handled.length >= 4)
    const asked = ['message', 'get', topic, messageId, '--group', group, '--consumer', clientId]
    const outcome = await cli.ask(...asked)
    assert.deepEqual([outcome.result, outcome.remark], ['CR_THROW_EXCEPTION', 'not today'])
    await consumer.close({ drainMs: 0 })
  },

  async groups() {
    const topic = await newTopic('cli-groups')
    await cli.ask('group', 'create', 'cli-groups', '--retry-max', '3')
    await cli.ask('group', 'create', 'cli-groups', '--orderly', 'true')
    const [config] = await cli.ask('group', 'config', 'cli-groups')
    assert.deepEqual([config.retryMaxTimes, config.consumeMessageOrderly], [3, true])
    cli.files.set('groups.json', JSON.stringify([{ groupName: 'cli-group-many', retryMaxTimes: 7 }]))
    await cli.ask('group', 'create-many', 'groups.json')
    assert.equal((await cli.ask('group', 'config', 'cli-group-many'))[0].retryMaxTimes, 7)
    await cli.ask('group', 'mode', 'cli-groups', topic, 'POP')
    await cli.ask('group', 'mode', 'cli-groups', topic, 'PULL')
    const readable = await cli.ask('group', 'readable', 'cli-groups', topic, '--readable', 'false')
    assert.deepEqual(readable, { group: 'cli-groups', readable: false, topic })
    await cli.ask('group', 'readable', 'cli-groups', topic, '--readable', 'true')
    assert.match(await cli.fail('group', 'clients', 'cli-groups'), /not online/)
    await send(topic, ['a', 'b'])
    const consumer = client.consumer({ group: 'cli-groups', topic, from: 'earliest' })
    void consumer.run(() => undefined)
    await until(async () => (await cli.run('group', 'clients', 'cli-groups')).exitCode === 0)
    await until(async () => {
      const rows = await cli.ask('group', 'progress', 'cli-groups', '--clients', '--topic', topic)
      return rows.length === 2 && sum(rows, 'lag') === 0
    })
    const [{ clientId }] = await cli.ask('group', 'clients', 'cli-groups')
    assert.match(clientId, /@/)
    const ofClient = await cli.ask('group', 'status', 'cli-groups', '--client', clientId)
    assert.deepEqual(
      ofClient.filter((row) => row.topic === topic).map(({ queue, commitOffset }) => [queue, commitOffset]),
      [
        [0, 1],
        [1, 1],
      ],
    )
    const [row] = (await cli.ask('group', 'list')).filter(({ group }) => group === 'cli-groups')
    assert.deepEqual([row.clients, row.lag], [1, 0])
    await until(async () =>
      (await cli.ask('group', 'producers')).some(({ group }) => group === 'cli-producers'),
    )
    assert((await cli.ask('group', 'producers', 'cli-producers', '--cluster', 'DefaultCluster')).length > 0)
    await consumer.close()
    await cli.ask('group', 'delete', 'cli-group-many', '--offsets', '--yes')
    assert.match(
      await cli.fail('group', 'config', 'cli-group-many'),
      /none of these brokers\n {2}ternmq group list/,
    )
    assert.match(await cli.fail('group', 'progress', 'cli-group-many'), /no group cli-group-many/)
  },

  async messages() {
    const topic = await newTopic('cli-messages')
    const sent = await cli.ask(
      ...['message', 'send', topic, 'hello', '--tag', 'A', '--keys', 'k1 k2', '--property', 'city=Bern'],
      ...['--broker', brokerName, '--queue', '1'],
    )
    assert.deepEqual([sent.status, sent.queue, sent.offset], ['SEND_OK', 1, 0])
    await until(async () => (await cli.ask('message', 'find', topic, 'k2')).length === 1)
    for (const id of [sent.id, sent.offsetId]) {
      const found = await cli.ask('message', 'get', topic, id)
      assert.deepEqual([found.body, found.tag, found.id], ['hello', 'A', sent.id])
      assert.match(found.properties, /city=Bern/)
    }
    await cli.ask('message', 'send', topic, 'other', '--tag', 'B', '--broker', brokerName, '--queue', '1')
    const printed = () => cli.ask('message', 'print', topic, '--tags', 'B')
    await until(async () => (await printed()).length > 0)
    assert.deepEqual(
      (await printed()).map(({ body }) => body),
      ['other'],
    )
    assert.deepEqual(await cli.ask('message', 'print', topic, '--to', 'now-1h'), [])
    assert.equal((await cli.ask('message', 'at', topic, brokerName, '1', '1')).body, 'other')
    assert.match(await cli.fail('message', 'at', topic, brokerName, '1', '7'), /no message at 7/)
    const entries = await cli.ask('message', 'entries', topic, '--queue', '1')
    assert.deepEqual(
      entries.map(({ index, tagsCode }) => [index, tagsCode]),
      [
        [0, '65'],
        [1, '66'],
      ],
    )
    assert.deepEqual(
      (await cli.ask('message', 'probe', topic, '--count', '2')).map(({ status }) => status),
      ['SEND_OK', 'SEND_OK'],
    )
    assert.match(await cli.fail('message', 'get', topic, 'F'.repeat(32)), /no message/)
    assert.match(await cli.fail('message', 'send', topic, 'x', '--queue', '99'), /no queue 99/)
    const { messageId } = await traced.producer().send({ topic, body: 'traced', keys: 'traced' })
    await until(async () => (await cli.ask('trace', 'show', messageId)).length === 1)
    const [{ what, result }] = await cli.ask('trace', 'show', messageId)
    assert.deepEqual([what, result], ['sent (normal)', 'ok'])
  },

  async offsets() {
    const topic = await newTopic('cli-offsets')
    const group = 'cli-offsets'
    await cli.ask('group', 'create', group)
    await send(topic, ['a', 'b', 'c', 'd'])
    await consume(group, topic, 4)
    const committed = async (whose = group) =>
      (await cli.ask('offset', 'show', whose, topic)).map((row) => row.committed)
    await until(async () => (await committed()).join() === '2,2')
    const preview = await cli.ask('offset', 'reset', group, topic, '--to', 'earliest', '--preview')
    assert.deepEqual(
      preview.map(({ before, now, messages }) => [before, now, messages]),
      [
        [2, 0, 2],
        [2, 0, 2],
      ],
    )
    assert.deepEqual(await committed(), [2, 2], 'a preview moves nothing')
    const moved = await cli.ask('offset', 'reset', group, topic, '--to', 'earliest')
    assert.deepEqual(
      moved.map(({ now }) => now),
      [0, 0],
    )
    assert.equal(sum(await cli.ask('group', 'progress', group, '--topic', topic), 'lag'), 4)
    await cli.ask(
      'offset',
      'reset',
      group,
      topic,
      ...['--broker', brokerName, '--queue', '1', '--offset', '1'],
    )
    await cli.ask('group', 'create', 'cli-offsets-2')
    await cli.ask('offset', 'clone', group, 'cli-offsets-2', topic)
    assert.deepEqual(await committed('cli-offsets-2'), await committed())
    await cli.ask('offset', 'skip', group, topic, '--yes')
    assert.equal(sum(await cli.ask('group', 'progress', group, '--topic', topic), 'lag'), 0)
    if (isTernmq) {
      const changes = await cli.ask('offset', 'changes', '--group', group)
      assert.equal(changes.length, 3)
      await cli.ask('offset', 'undo', String(changes[0].id))
      assert.equal(sum(await cli.ask('group', 'progress', group, '--topic', topic), 'lag'), 3)
      return
    }
    for (const words of [['changes'], ['undo', '1']]) {
      const error = await cli.fail('offset', ...words)
      assert.match(error, /does not know TERN_\w+\n {2}only brokers of TernMQ keep .*ternmq offset reset/)
    }
  },

  async 'dead-letters'() {
    const topic = await newTopic('cli-letters')
    const group = 'cli-letters'
    await cli.ask('group', 'create', group)
    assert.deepEqual(await cli.ask('dlq', 'list', group), [], 'none yet')
    assert.match(await cli.fail('dlq', 'list', 'cli-nobody'), /no group cli-nobody/)
    for (const key of ['k1', 'k2', 'k3']) await producer.send({ topic, body: `of ${key}`, keys: key })
    let isSick = true
    const seen = []
    const consumer = client.consumer({ group, topic, from: 'earliest' })
    void consumer.run(({ text }) => {
      if (isSick) throw new Reject('sick')
      seen.push(text)
    })
    await until(async () => (await cli.ask('dlq', 'list', group)).length === 3)
    isSick = false
    const letters = await cli.ask('dlq', 'list', group, '--key', 'k2')
    assert.deepEqual(
      letters.map(({ origin, body }) => [origin, body]),
      [[topic, 'of k2']],
    )
    assert.equal((await cli.run('check', 'dlq', group)).exitCode, 1)
    assert.equal((await cli.ask('dlq', 'redrive', group, '--dry-run')).matched, 3)
    assert.deepEqual(await cli.ask('dlq', 'redrive', group, '--key', 'k2'), {
      matched: 1,
      redriven: 1,
      skipped: 0,
      failed: 0,
    })
    await until(() => seen.length === 1)
    // found by the key that copies keep, once the broker has it in its index
    await until(async () => (await cli.ask('dlq', 'redrive', group, '--key', 'k2')).skipped === 1)
    await cli.ask('dlq', 'redrive', group, '--target', 'origin', '--rate', '100')
    await until(() => new Set(seen).size === 3)
    await consumer.close()
  },

  async rescue() {
    const topic = await newTopic('cli-backlog', 1)
    const group = 'cli-backlog'
    await cli.ask('group', 'create', group)
    await send(topic, ['0'])
    await consume(group, topic, 1)
    await send(
      topic,
      Array.from({ length: 40 }, (_, i) => String(i + 1)),
    )
    const [dry] = await cli.ask('group', 'rescue', group, topic, '--dry-run')
    assert.equal(dry.messages, 40)
    const [row] = await cli.ask('group', 'rescue', group, topic, '--queues', '8')
    assert.deepEqual([row.moved, row.skipped, row.to], [40, 0, 41])
    await until(async () => sum(await cli.ask('topic', 'status', `${topic}-rescue`), 'messages') === 40)
    assert.equal((await cli.ask('offset', 'show', group, topic))[0].committed, 41)
    assert.equal((await cli.ask('group', 'rescue', group, topic))[0].moved, 0, 'done twice it moves nothing')
  },

  async watching() {
    const topic = await newTopic('cli-watching')
    const group = 'cli-watching'
    await cli.ask('group', 'create', group)
    await send(topic, ['one', 'two', 'three'])
    const shown = await cli.values('tail', topic, '--from', '0', '--grep', 'o', '--max', '2')
    assert.deepEqual(
      shown
        .slice(0, 2)
        .map(({ body }) => body)
        .sort(),
      ['one', 'two'],
    )
    const [looks] = await cli.values('top', '--times', '1', '--interval-seconds', '1')
    assert(
      looks.some((row) => row.topic === topic),
      JSON.stringify(looks),
    )
    assert(!looks.some((row) => row.topic === brokerName), 'topics of tools are no news')
    assert.equal((await cli.ask('check', 'lag', group)).state, 'OK')
    await consume(group, topic, 3)
    await cli.ask('offset', 'reset', group, topic, '--to', 'earliest')
    const lag = await cli.run('check', 'lag', group, '--warn', '3', '--critical', '9')
    assert.deepEqual(
      [lag.exitCode, lag.values[0].state, lag.values[0].lag],
      [2, 'CRITICAL', 3],
      'nobody consumes',
    )
    assert.equal((await cli.run('check', 'lag', 'cli-nobody')).exitCode, 3)
    assert((await cli.run('check', 'brokers', '--warn', '0', '--critical', '100')).exitCode === 1)
    const [behind] = (await cli.values('cluster', 'watch', '--times', '1')).filter(
      (row) => row.group === group,
    )
    assert.deepEqual([behind.lag, behind.clients], [3, 0])
    const findings = await cli.ask('doctor')
    assert.deepEqual([...new Set(findings.map(({ ok }) => ok))], ['yes'], JSON.stringify(findings))
    const numbered = client.sequencedProducer()
    for (let i = 0; i < 4; i++) await numbered.send({ topic, body: 'numbered' })
    await until(async () => sum(await cli.ask('audit', topic, '--group', group), 'stored') === 4)
  },

  async bench() {
    await newTopic('cli-bench', 4)
    const rows = await cli.ask('bench', 'cli-bench', '--rate', '200', '--seconds', '1', '--warm-seconds', '1')
    assert.deepEqual(
      rows.map(({ what }) => what),
      ['send', 'send to consumer'],
    )
    assert.equal(rows[0].messages, 200)
    assert(rows[1].messages >= 200, 'each came, and may have come again')
    const left = (await cli.ask('group', 'list')).filter(({ group }) => group.startsWith('ternmq-bench'))
    assert.deepEqual(left, [])
  },

  async files() {
    await newTopic('cli-files', 3)
    await cli.ask('group', 'create', 'cli-files', '--retry-max', '5')
    await cli.ask('export', '--file', 'cluster.yaml')
    const exported = cli.files.get('cluster.yaml')
    assert.match(exported, /cli-files:\n {4}readQueues: 3/)
    assert.deepEqual(await cli.ask('diff', 'cluster.yaml'), [])
    const own = `topics:\n  cli-files: { readQueues: 5, writeQueues: 5 }\ngroups:\n  cli-files-2: { retryMax: 2 }\n`
    cli.files.set('own.yaml', own)
    const wanted = await cli.ask('diff', 'own.yaml')
    assert.deepEqual(
      wanted.map(({ change, name }) => `${change} ${name}`),
      ['change cli-files', 'make cli-files-2'],
    )
    assert.equal((await cli.ask('apply', 'own.yaml', '--dry-run')).length, 2)
    assert.equal((await cli.ask('apply', 'own.yaml')).length, 2)
    assert.deepEqual(await cli.ask('apply', 'own.yaml'), [], 'done twice it changes nothing')
    assert.equal((await cli.ask('group', 'config', 'cli-files-2'))[0].retryMaxTimes, 2)
    await cli.ask('cluster', 'configs', '--dir', '/out')
    assert.equal(
      JSON.parse(cli.files.get('/out/configs.json')).brokerConfigs[brokerName].brokerName,
      brokerName,
    )
    await cli.ask('cluster', 'metrics', '--dir', '/out')
    assert('normalInTps' in JSON.parse(cli.files.get('/out/metrics.json')).evaluateReport[brokerName])
  },

  async users() {
    await cli.ask('acl', 'create-user', 'shop', '--password', 'shop-secret')
    await cli.ask('acl', 'update-user', 'shop', '--status', 'disable')
    const [user] = await cli.ask('acl', 'users', '--username', 'shop')
    assert.deepEqual([user.user, user.type, user.status], ['shop', 'Normal', 'disable'])
    await cli.ask('acl', 'grant', 'User:shop', 'Topic:cli-users', 'Pub,Sub', '--source-ips', '127.0.0.1')
    await cli.ask('acl', 'change', 'User:shop', 'Topic:cli-users', 'Pub', '--decision', 'Deny')
    const [right] = await cli.ask('acl', 'list', '--subject', 'User:shop')
    assert.deepEqual([right.resource, right.actions, right.decision], ['Topic:cli-users', 'Pub', 'Deny'])
    const [copied] = await cli.ask('acl', 'copy-users', broker, broker, '--users', 'shop')
    assert.deepEqual([copied.username, copied.change], ['shop', 'changed'])
    const [rights] = await cli.ask('acl', 'copy-rights', broker, broker, '--subjects', 'User:shop')
    assert.equal(rights.subject, 'User:shop')
    await cli.ask('export', '--file', 'acl.yaml')
    assert.match(cli.files.get('acl.yaml'), / {2}shop:\n {4}type: Normal\n {4}status: disable\n/)
    assert.deepEqual(await cli.ask('diff', 'acl.yaml'), [])
    const till = `users: { till: { password: till-secret } }\nrights: { 'User:till': { 'Topic:cli-users': { actions: [Sub] } } }`
    cli.files.set('till.yaml', till)
    assert.equal((await cli.ask('apply', 'till.yaml')).length, 2)
    assert.deepEqual(await cli.ask('apply', 'till.yaml'), [], 'done twice it changes nothing')
    assert.equal((await cli.ask('acl', 'list', '--subject', 'User:till'))[0].actions, 'Sub')
    await cli.ask('acl', 'delete-user', 'till', '--yes')
    await cli.ask('acl', 'revoke', 'User:shop', '--yes')
    await cli.ask('acl', 'delete-user', 'shop', '--yes')
    assert.deepEqual(await cli.ask('acl', 'users', '--username', 'shop'), [])
    const stranger = new CommandLine(namesrv, { accessKey: 'stranger', secretKey: 'wrong' })
    const refused = await stranger.fail('acl', 'users')
    assert.match(refused, /TERNMQ_ACCESS_KEY/, refused)
  },

  async brokers() {
    const topic = await newTopic('cli-brokers', 1)
    await send(topic, ['a'])
    const [row] = await cli.ask('broker', 'list')
    assert.deepEqual([row.broker, row.address, row.active], [brokerName, broker, 'true'])
    assert('inToday' in (await cli.ask('broker', 'list', '--more'))[0])
    assert((await cli.ask('broker', 'status')).some(({ name }) => name === 'bootTimestamp'))
    await cli.ask('broker', 'set', 'fileReservedTime', '71')
    const [setting] = await cli.ask('broker', 'config', '--name', 'fileReservedTime')
    assert.equal(setting.value, '71')
    assert(Array.isArray(await cli.ask('broker', 'lag')))
    assert((await cli.ask('broker', 'stats', '--topic', topic)).length > 0)
    assert.equal((await cli.ask('broker', 'replication'))[0].inSync, 0)
    assert.match((await cli.ask('broker', 'earliest', topic, '--at', 'now'))[0].earliest, /^\d{4}-/)
    for (const verb of ['clean-queues', 'clean-log']) await cli.ask('broker', verb)
    assert.deepEqual(
      (await cli.ask('cluster', 'list')).map(({ masters }) => masters),
      [1],
    )
    assert.deepEqual(
      (await cli.ask('cluster', 'probe', '--count', '2')).map(({ sent }) => sent),
      [2],
    )
  },

  async nameservers() {
    assert((await cli.ask('namesrv', 'config')).some(({ name }) => name === 'listenPort'))
    await cli.ask('namesrv', 'set', 'orderMessageEnable', 'false')
    await cli.ask('namesrv', 'put', 'cli', 'k', 'v')
    assert.equal((await cli.ask('namesrv', 'get', 'cli', 'k')).value, 'v')
    assert.equal((await cli.ask('namesrv', 'list', 'cli')).length, 1)
    await cli.ask('namesrv', 'delete', 'cli', 'k')
    const [wiped] = await cli.ask('namesrv', 'wipe-write', brokerName)
    assert(Number(wiped.topics) > 0)
    await cli.ask('namesrv', 'add-write', brokerName)
  },

  /** Verbs for what TernMQ has not ask all the same: RocketMQ answers, or says why not. */
  async elsewhere() {
    const topic = await newTopic('cli-elsewhere')
    const answered = [
      ['cold-read', 'show'],
      ['cold-read', 'limit', 'cli-elsewhere', '1000000'],
      ['cold-read', 'unlimit', 'cli-elsewhere'],
      ['cold-read', 'read-ahead', 'normal'],
      ['rocksdb', 'queues', '--topic', topic],
      ['rocksdb', 'export-tables'],
      ['rocksdb', 'timer-engine', 'file'],
      ['lite', 'broker'],
    ]
    for (const words of answered) {
      if (isTernmq) assert.match(await cli.fail(...words), /does not know \w+\n {2}.*TernMQ/)
      else await cli.ask(...words)
    }
    const refused = [
      ['lite', 'parent', topic],
      ['lite', 'topic', topic, 'lite'],
      ['lite', 'client', topic, 'cli-elsewhere', 'somebody'],
      ['lite', 'group', topic, 'cli-elsewhere'],
      ['lite', 'dispatch', topic, 'cli-elsewhere'],
      ['controller', 'metadata', broker],
      ['controller', 'replicas', broker],
      ['controller', 'config', broker],
      ['controller', 'set', broker, 'name', 'value'],
      ['controller', 'elect', broker, 'DefaultCluster', brokerName, '1'],
      ['controller', 'forget', broker, brokerName, '--yes'],
      ['controller', 'epochs'],
      ['container', 'add-broker', broker, '/nowhere/broker.conf'],
      ['container', 'remove-broker', broker, 'DefaultCluster:broker-b:0', '--yes'],
    ]
    for (const words of refused) assert.match(await cli.fail(...words), /\n {2}\S/, words.join(' '))
    await cli.run('broker', 'flush-offset', '0')
    await cli.run('rocksdb', 'export-pops')
  },

  async errors() {
    const nobody = new CommandLine('127.0.0.1:1')
    assert.match(await nobody.fail('topic', 'list'), /127\.0\.0\.1:1.*\n {2}is a NameServer started at/)
    assert.match(
      await cli.fail('broker', 'list', '--cluster', 'other'),
      /registered: broker-a of DefaultCluster/,
    )
    assert.match(await cli.fail('message', 'print', 'cli-nothing'), /cli-nothing does not exist/)
    assert.match(await cli.fail('topic', 'create', 'bad name!'), /bad name!/)
  },

  async transactions() {
    await until(async () => (await cli.ask('transaction', 'parked')).length > 0)
    const [parked] = await cli.ask('transaction', 'parked', '--group', 'cli-transactions')
    assert.deepEqual([parked.topic, parked.keys], ['cli-transactions', 'undecided'])
    await cli.ask('transaction', 'resume', parked.offsetId)
  },

  async 'every-verb'() {
    if (chosen.length === 0) assert.deepEqual(cli.unasked, [])
  },
}

await runChecks(checks, chosen)
await Promise.all([client.close({ drainMs: 1000 }), traced.close({ drainMs: 1000 })])
process.exit(0)
