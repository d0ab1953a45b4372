import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchDir } from '../measure/paths.ts'
import { mavenPackage } from '../peer/maven.ts'
import { freePorts } from '../peer/ports.ts'
import { Remoting } from '../peer/remoting.ts'
import { type PlansOptions, plansOf } from '../peer/server-plans.ts'
import { type ServerCommand, ServerProcesses } from '../peer/server-processes.ts'
import { AmqpPublisher } from './amqp-publisher.ts'
import { KafkaPublisher } from './kafka-publisher.ts'
import { NatsPublisher } from './nats-publisher.ts'
import type { Publisher } from './publisher.ts'
import { RemotingPublisher } from './remoting-publisher.ts'

/** A server that confirms publishes, ready to be started. */
export interface Alternative {
  readonly label: string
  readonly about: string
  readonly processes: ServerProcesses
  readonly commands: readonly ServerCommand[]
  /** Connects and creates what it publishes to. @throws Error while the server is not up */
  readonly open: (body: Buffer) => Promise<Publisher>
  /** A JVM under load is slow for its first 25 s. */
  readonly isJvm: boolean
  /** The server's own load tool, if a raw connection would be unfair to it: argv for so many messages. */
  readonly loadTool?: (messages: number, sizeBytes: number) => readonly string[]
}

const NATS_SERVER = 'github.com/nats-io/nats-server/v2@v2.15.2'
const KAFKA_JARS = 'peer/jars/kafka'
const KAFKA_VERSION = '4.3.1'
/** Where Debian's package `rabbitmq-server` puts it. */
const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server'

/** Names of `alternativeOf`; RabbitMQ where it is installed. */
export const alternatives: readonly string[] = [
  ...['ternmq', 'rocketmq', 'nats', 'kafka'],
  ...(existsSync(RABBITMQ) ? ['rabbitmq'] : []),
]

/** @throws RangeError for a name that is none of ternmq, rocketmq, nats, kafka and rabbitmq */
export async function alternativeOf(name: string, options: PlansOptions): Promise<Alternative> {
  if (name === 'nats') return nats(options)
  if (name === 'kafka') return kafka(options)
  if (name === 'rabbitmq') return rabbitmq(options)
  const [plan] = await plansOf({ ...options, servers: name })
  if (!plan) throw new RangeError(`servers wants ternmq, rocketmq, nats, kafka and rabbitmq, not "${name}"`)
  let namesrv: Remoting | undefined
  const open = async (body: Buffer) => {
    // One connection for all attempts: a new one each 3 ms would slow down the start that is measured.
    if (!namesrv || namesrv.isClosed) namesrv = await Remoting.open(plan.namesrvPort)
    const port = await namesrv.routePort()
    if (port === undefined) throw new Error('no route to a broker')
    return RemotingPublisher.open(port, body)
  }
  return { ...plan, open, isJvm: plan.label === 'rocketmq' }
}

/** JetStream confirms what it has written; `sync_interval` says when the disk has it. */
async function nats(options: PlansOptions): Promise<Alternative> {
  const bin = join(benchDir, 'peer/bin')
  if (!existsSync(join(bin, 'nats-server'))) {
    const env = { ...process.env, GOBIN: bin }
    execFileSync('go', ['install', NATS_SERVER], { env, stdio: ['ignore', 2, 2], timeout: 1_200_000 })
  }
  const processes = new ServerProcesses(options.storeParent, 'nats')
  const { listenPort: port } = await freePorts()
  const interval = options.flushDiskType === 'SYNC_FLUSH' ? 'always' : '2m'
  const store = join(processes.dir, 'js')
  const file = join(processes.dir, 'nats.conf')
  writeFileSync(
    file,
    `listen: 127.0.0.1:${port}\njetstream { store_dir: "${store}", sync_interval: ${interval} }\n`,
  )
  return {
    label: 'nats',
    about: `nats-server ${NATS_SERVER.split('@')[1]}, JetStream file store, sync_interval ${interval}`,
    processes,
    commands: [{ name: 'nats', argv: [join(bin, 'nats-server'), '-c', file], port }],
    open: (body) => NatsPublisher.open(port, body),
    isJvm: false,
  }
}

/** A classic durable queue; RabbitMQ confirms what it has written, without waiting for the disk. */
async function rabbitmq(options: PlansOptions): Promise<Alternative> {
  const processes = new ServerProcesses(options.storeParent, 'rabbitmq')
  const { listenPort: port, httpPort: distPort, namesrvPort: epmdPort } = await freePorts()
  const file = (name: string) => join(processes.dir, name)
  writeFileSync(file('rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n`)
  writeFileSync(file('plugins'), '[].\n')
  const env = {
    HOME: processes.dir,
    RABBITMQ_NODENAME: `bench${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_MNESIA_BASE: file('mnesia'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_CONFIG_FILE: file('rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('plugins'),
    RABBITMQ_PID_FILE: file('pid'),
  }
  const [, version] = execFileSync('dpkg-query', ['-W', 'rabbitmq-server'], { encoding: 'utf8' })
    .trim()
    .split('\t')
  return {
    label: 'rabbitmq',
    about: `RabbitMQ ${version}, classic durable queue, persistent messages, confirms`,
    processes,
    commands: [
      // Erlang's port mapper: started by RabbitMQ itself it would outlive it
      { name: 'epmd', argv: ['epmd', '-address', '127.0.0.1', '-port', String(epmdPort)], port: epmdPort },
      { name: 'rabbitmq', argv: [RABBITMQ], port, env },
    ],
    open: (body) => AmqpPublisher.open(port, body),
    isJvm: false,
  }
}

async function kafka(options: PlansOptions): Promise<Alternative> {
  mavenPackage(KAFKA_JARS, 'lib')
  const processes = new ServerProcesses(options.storeParent, 'kafka')
  const { listenPort: port, httpPort: controllerPort } = await freePorts()
  const file = join(processes.dir, 'kafka.properties')
  const classpath = join(benchDir, KAFKA_JARS, 'lib/*')
  const sync = options.flushDiskType === 'SYNC_FLUSH'
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'log.dirs': join(processes.dir, 'log'),
    'num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'auto.create.topics.enable': true,
    ...(sync && { 'log.flush.interval.messages': 1 }),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(file, lines.join(''))
  const jvm = [
    'java',
    '-Xms1g',
    '-Xmx1g',
    '-server',
    '-XX:+UseG1GC',
    '-XX:MaxGCPauseMillis=20',
    '-cp',
    classpath,
  ]
  const [java = '', ...argv] = [
    ...jvm,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    '4L6g3nShT-eMCtK--X86sw',
    '-c',
    file,
  ]
  execFileSync(java, argv, { stdio: 'ignore', timeout: 60_000 })
  return {
    label: 'kafka',
    about: `Kafka ${KAFKA_VERSION}, KRaft, one node, heap 1g, flush ${sync ? 'every batch' : 'by the system'}; load by its ProducerPerformance, acks=all`,
    processes,
    commands: [{ name: 'kafka', argv: [...jvm, 'kafka.Kafka', file], port }],
    open: (body) => KafkaPublisher.open(port, body),
    isJvm: true,
    loadTool: (messages, sizeBytes) => [
      ...['java', '-Xms512m', '-Xmx512m', '-cp', classpath, 'org.apache.kafka.tools.ProducerPerformance'],
      ...['--topic', 'bench', '--num-records', String(messages), '--record-size', String(sizeBytes)],
      ...['--throughput', '-1', '--producer-props', `bootstrap.servers=127.0.0.1:${port}`, 'acks=all'],
    ],
  }
}
