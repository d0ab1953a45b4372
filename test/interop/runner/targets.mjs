// The servers under test. Everything that knows how one is started is in this file.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lieAbout } from './liar.mjs'
import { jarsOf, projectDir } from './places.mjs'
import { freePorts } from './ports.mjs'
import { Child } from './processes.mjs'
import { clusterInfo, hasRuntimeInfo } from './remoting-probe.mjs'

/** The real one takes half a minute on a machine that is busy otherwise, and longer after a kill. */
const START_MS_MAX = 180_000
const BROKER_NAME = 'broker-a'

/**
 * What the checks must know about a target beyond the protocol:
 * offsetsSafeMs   how long a kill may still take a committed offset back: RocketMQ writes them 10 s after its start and
 *                 then every 5 s, TernMQ keeps each at once, in a journal
 * popsInBinary    whether a pop is known whose header is binary, where its code does not fit
 * againAfterKill  whether a kill may bring again what was delayed, or committed by a transaction
 * commitsOnce     whether a transaction is delivered once where its producer is asked twice, as it is on a slow machine
 */
const traits = {
  rocketmq: {
    offsetsSafeMs: 20_000,
    popsInBinary: false,
    againAfterKill: true,
    commitsOnce: false,
  },
  ternmq: {
    offsetsSafeMs: 0,
    popsInBinary: true,
    againAfterKill: false,
    commitsOnce: true,
  },
}

/** Every store of this run, big and of no interest once the run is over. */
export const storeDirs = new Set()

/** The names that `--target` takes. */
export const targetKinds = Object.keys(traits)

/**
 * Starts a target, lends it to `use` and kills it afterwards.
 * @param lie what a proxy before it gets wrong (lies.mjs); none: clients talk to the target itself
 */
export async function withTarget({ lie, ...options }, use) {
  const target = await Target.start(options)
  const seen = lie ? await lieAbout(target, lie) : target
  try {
    await use(seen)
  } finally {
    await seen.kill()
  }
}

/** What clients are told must not reach the servers. */
const noClientSettings = { NAMESRV_ADDR: undefined }

/** A name server and a broker on free loopback ports, on one store directory. */
export class Target {
  #kind
  #dir
  #storeDir
  #settings
  #ports
  #signer
  #brokerName
  #isJoining
  #children = []

  constructor({ kind, dir, storeDir, settings, signer, ports, brokerName, isJoining }) {
    this.#kind = kind
    this.#dir = dir
    this.#storeDir = storeDir
    storeDirs.add(storeDir)
    this.#settings = settings
    this.#ports = ports
    this.#signer = signer
    this.#brokerName = brokerName
    this.#isJoining = isJoining
  }

  /**
   * @param dir configuration and logs; the store too, unless `storeDir` says another place
   * @param settings broker.conf lines beyond the ones every target gets
   * @param signer who signs the runner's own requests, where the settings want that
   */
  static async start({ kind, dir, storeDir = join(dir, 'store'), settings = {}, signer }) {
    const place = { ports: await freePorts(), brokerName: BROKER_NAME, isJoining: false }
    const target = new Target({ kind, dir, storeDir, settings, signer, ...place })
    await target.#start()
    return target
  }

  /** Starts a further broker under this target's name server. */
  async addBroker({ dir, brokerName }) {
    const ports = { ...(await freePorts()), namesrv: this.#ports.namesrv }
    const parts = { kind: this.#kind, settings: this.#settings, signer: this.#signer }
    const other = new Target({
      ...parts,
      dir,
      storeDir: join(dir, 'store'),
      ports,
      brokerName,
      isJoining: true,
    })
    await other.#start()
    return other
  }

  /** Ids of its processes: the broker's is the last. */
  get pids() {
    return this.#children.map(({ pid }) => pid)
  }

  get namesrv() {
    return `127.0.0.1:${this.#ports.namesrv}`
  }

  get broker() {
    return `127.0.0.1:${this.#ports.broker}`
  }

  get traits() {
    return traits[this.#kind]
  }

  /** Clean stop, then start on the same store and ports. */
  async restart({ forget = false } = {}) {
    await this.stop()
    await this.#startAgain(forget)
  }

  /** kill -9 of every process, then start on the same store and ports. */
  async killAndStart({ forget = false } = {}) {
    await this.kill()
    await this.#startAgain(forget)
  }

  async stop() {
    for (const child of this.#children.splice(0).reverse()) await child.stop()
  }

  async kill() {
    await Promise.all(this.#children.splice(0).map((child) => child.stop('SIGKILL')))
  }

  /** @param forget for a lie: the store is gone */
  async #startAgain(forget) {
    if (forget) await rm(this.#storeDir, { recursive: true })
    await this.#start()
  }

  async #start() {
    await mkdir(this.#dir, { recursive: true })
    const commands = this.#kind === 'ternmq' ? await this.#ternmq() : await this.#rocketmq()
    this.#children = commands.map(
      (each) => new Child({ ...each, env: noClientSettings, logFile: join(this.#dir, `${each.name}.log`) }),
    )
    await this.#ready()
  }

  /** In business means: the name server knows the broker at its address, and the broker tells of itself. */
  async #ready() {
    const deadline = Date.now() + START_MS_MAX
    while (Date.now() < deadline) {
      const dead = this.#children.find((child) => child.hasEnded)
      if (dead) throw new Error(`${dead.name} ended (${await dead.ended})\n${await dead.tail()}`)
      if (await this.#isInBusiness().catch(() => false)) return
      await sleep(50)
    }
    throw new Error(`${this.#kind} was not in business after ${START_MS_MAX} ms, see ${this.#dir}`)
  }

  async #isInBusiness() {
    const known = await clusterInfo(this.#ports.namesrv, this.#signer)
    return known.includes(this.broker) && (await hasRuntimeInfo(this.#ports.broker, this.#signer))
  }

  /** TernMQ as its users start it: one process, built before. */
  async #ternmq() {
    const args = [
      join(projectDir, 'dist/program/main.js'),
      ...(this.#isJoining
        ? ['broker', '--namesrv-addr', this.namesrv, '--broker-name', this.#brokerName]
        : ['start', '--namesrv-port', this.#ports.namesrv]),
      ...['--listen-port', this.#ports.broker],
      ...['--http-port', this.#ports.http],
      ...['--store-path-root-dir', this.#storeDir],
    ]
    if (Object.keys(this.#settings).length > 0) {
      const file = join(this.#dir, 'broker.conf')
      await writeFile(file, properties(this.#settings))
      args.push('-c', file)
    }
    return [{ name: 'ternmq', command: process.execPath, args: args.map(String), cwd: this.#dir }]
  }

  /** The real RocketMQ from the registry's jars: a name server and a broker, kept small. */
  async #rocketmq() {
    const home = join(this.#dir, 'home')
    await mkdir(join(home, 'conf'), { recursive: true })
    await writeFile(
      join(this.#dir, 'namesrv.conf'),
      properties({
        listenPort: this.#ports.namesrv,
        bindAddress: '127.0.0.1',
        kvConfigPath: join(this.#dir, 'namesrv/kvConfig.json'),
        configStorePath: join(this.#dir, 'namesrv/namesrv.properties'),
      }),
    )
    await writeFile(
      join(this.#dir, 'broker.conf'),
      properties({
        brokerClusterName: 'DefaultCluster',
        brokerName: this.#brokerName,
        brokerId: 0,
        brokerIP1: '127.0.0.1',
        bindAddress: '127.0.0.1',
        listenPort: this.#ports.broker,
        haListenPort: this.#ports.ha,
        namesrvAddr: this.namesrv,
        storePathRootDir: this.#storeDir,
        storePathCommitLog: join(this.#storeDir, 'commitlog'),
        autoCreateTopicEnable: true,
        ...this.#settings,
      }),
    )
    const java = (name, main, heap) => ({
      name,
      command: 'java',
      args: [
        ...[`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:MaxDirectMemorySize=512m'],
        ...[
          '--add-opens',
          'java.base/java.nio=ALL-UNNAMED',
          '--add-opens',
          'java.base/sun.nio.ch=ALL-UNNAMED',
        ],
        ...[`-Duser.home=${home}`, `-Drocketmq.home.dir=${home}`, `-Djava.io.tmpdir=${home}`],
        ...['-cp', jarsOf('rocketmq'), main, '-c', join(this.#dir, `${name}.conf`)],
      ],
      cwd: this.#dir,
    })
    const broker = java('broker', 'org.apache.rocketmq.broker.BrokerStartup', '768m')
    if (this.#isJoining) return [broker]
    return [java('namesrv', 'org.apache.rocketmq.namesrv.NamesrvStartup', '128m'), broker]
  }
}

function properties(table) {
  return Object.entries(table)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
