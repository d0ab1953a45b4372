import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Verb } from '#ternmq/admin/verb.ts'
import { verbs } from '#ternmq/admin/verbs.ts'
import { TestCli } from './test-cli.ts'
import { TestSystem, untilTopic } from './test-system.ts'

/** Values that any verb can be asked with, by what an option looks like or is called. */
const samples: Readonly<Record<string, string>> = {
  '<topic>': 'orders',
  '<group>': 'billing',
  '<name>': 'orders',
  '<broker>': 'broker-a',
  '<file>': 'cluster.yaml',
  '<host:port>': '127.0.0.1:1',
  '<n>': '1',
  '<id>': '7F000001000000000000000000000000',
  '<offsetId>': '7F00000100000001000000000000FFFF',
  '<subject>': 'User:shop',
  '<identity>': 'c:b:0',
  '<folder>': '/nowhere',
}

/** What ends verbs that would go on, or makes them short. */
const ends: Readonly<Record<string, string>> = {
  max: '1',
  times: '1',
  count: '1',
  from: '0',
  seconds: '1',
  warmSeconds: '0',
  rate: '50',
  intervalSeconds: '1',
  to: '0',
  queue: '0',
  offset: '0',
  perm: '6',
  method: 'get',
}

/** The first of a few words, or what the form says. */
function sampleOf(form: string): string {
  return samples[form] ?? (form.includes('|') ? (form.split('|')[0] ?? '') : 'x')
}

function wordsFor({ noun, name, options, positional, destroys }: Verb): string[] {
  const given = positional.map((each) => ends[each] ?? sampleOf(options[each]?.form ?? ''))
  const flags = Object.entries(options).flatMap(([each, { form, isRequired }]) => {
    if (positional.includes(each)) return []
    const value = ends[each] ?? (isRequired ? sampleOf(form) : undefined)
    const flag = `--${each.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return value === undefined ? [] : [flag, value]
  })
  return [...(noun === '' ? [] : [noun]), name, ...given, ...flags, ...(destroys ? ['--yes'] : [])]
}

function isJsonDocument(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** One document, or one a line. */
function isJson(out: string): boolean {
  return isJsonDocument(out) || out.trimEnd().split('\n').every(isJsonDocument)
}

describe('every verb', () => {
  it('answers with JSON, or says in words what is wrong and ends with a code for it', async (t) => {
    const system = await TestSystem.start(t)
    const cli = new TestCli(system)
    await cli.run('topic', 'create', 'orders', '--queues', '2')
    await untilTopic(await system.client(), 'orders')
    await cli.run('group', 'create', 'billing')
    await cli.run('message', 'send', 'orders', 'm')
    await cli.run('export', '--file', 'cluster.yaml')
    // what deletes comes last, and what keeps all others from writing is left out
    const inOrder = verbs
      .filter(({ name }) => name !== 'wipe-write')
      .toSorted((one, other) => Number(Boolean(one.destroys)) - Number(Boolean(other.destroys)))
    const answered: string[] = []
    for (const verb of inOrder) {
      const words = wordsFor(verb)
      const { out, error, exitCode } = await cli.run(...words, '--json')
      const shown = `ternmq ${words.join(' ')}: ${exitCode} ${out} ${error}`
      assert(out === '' || isJson(out), shown)
      assert(exitCode === 0 || error !== '' || verb.noun === 'check', shown)
      if (exitCode === 0) answered.push(`${verb.noun} ${verb.name}`)
      else if (verb.noun !== 'check') assert.match(error, /^ternmq: \S.* \S+/, shown)
      assert([0, 1, 2, 3].includes(exitCode), shown)
    }
    assert(answered.length > 60, `these answered: ${answered.join(', ')}`)
  })

  it('ends with 0 done, 1 failed, 2 the command line is wrong, and checks with their state', async (t) => {
    const cli = new TestCli(await TestSystem.start(t))
    const codes: [string[], number][] = [
      [['topic', 'list'], 0],
      [['topic', 'status', 'nothing'], 1],
      [['topic', 'list', '-n', '127.0.0.1:1'], 1],
      [['controller', 'metadata', '127.0.0.1:1'], 1],
      [['message', 'print', 'orders', '--max', 'many'], 2],
      [['topic', 'delete', 'orders'], 2],
      [['apply', 'nowhere.yaml'], 1],
      [['check', 'brokers', '--warn', '100', '--critical', '100'], 0],
      [['check', 'lag', 'nobody'], 3],
      [['check', 'lag', 'nobody', '-n', '127.0.0.1:1'], 3],
      [['mqadmin', 'nothing'], 2],
      [['mqadmin', 'topicList', '-x'], 2],
      [['mqadmin', 'help'], 0],
    ]
    for (const [words, wanted] of codes) {
      const { exitCode, error } = await cli.run(...words)
      assert.equal(exitCode, wanted, `${words.join(' ')}: ${error}`)
    }
  })

  it('says what to do next', async (t) => {
    const cli = new TestCli(await TestSystem.start(t))
    cli.files.set('list.yaml', 'topics: [')
    cli.files.set('wrong.yaml', 'topics: { t: { readQueues: 0, writeQueues: 1 } }')
    const said: [string, RegExp][] = [
      [
        'topic list -n 127.0.0.1:1',
        /127\.0\.0\.1:1: ECONNREFUSED\)\n {2}is a NameServer started at .*NAMESRV_ADDR/,
      ],
      ['topic status nothing', /nothing does not exist\n {2}ternmq topic list .* topic create/],
      ['group progress nobody', /no group nobody\n {2}ternmq group list/],
      ['offset reset nobody orders --to earliest', /./],
      ['broker list --cluster other', /registered: broker-a of DefaultCluster/],
      ['broker set listenPort 1', /at the start .*\n {2}set it in the broker's file/],
      ['controller metadata 127.0.0.1:1', /ECONNREFUSED\n {2}is that server started/],
      ['acl users', /does not know AUTH_LIST_USER\n {2}.*authenticationEnabled/],
      ['message print orders --from yesterday', /from wants a time \(now, now-1h/],
      ['apply nowhere.yaml', /cannot read nowhere\.yaml: it does not exist/],
      ['apply list.yaml', /list\.yaml is not YAML: .* at line 1/],
      ['apply wrong.yaml', /wrong\.yaml is not right: topics\.t\.readQueues: .*ternmq export/],
      ['topic create-many list.yaml', /list\.yaml: .*it wants a list such as \[\{"topicName"/],
      ['transaction resume abc', /ternmq transaction parked/],
      ['store check /nowhere', /no store: .*storePathRootDir/],
      ['mqadmin topicStatus', /-t is missing\nmqadmin topicStatus/],
      ['mqadmin topicStats', /ternmq mqadmin help lists all/],
      ['topic static', /ternmq group rescue/],
    ]
    for (const [words, wanted] of said) {
      const { error, exitCode } = await cli.run(...words.split(' '))
      assert.match(error, wanted, words)
      assert.notEqual(exitCode, 0, words)
    }
  })
})
