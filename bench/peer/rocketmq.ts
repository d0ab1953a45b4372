import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchDir } from '../measure/paths.ts'
import { mavenPackage } from './maven.ts'
import { freePorts, type ServerPorts } from './ports.ts'
import type { PlanOptions, ServerPlan } from './server-plan.ts'
import { ServerProcesses } from './server-processes.ts'

const G1 = [
  ...['-XX:+UseG1GC', '-XX:G1HeapRegionSize=16m', '-XX:G1ReservePercent=25'],
  ...['-XX:InitiatingHeapOccupancyPercent=30', '-XX:SoftRefLRUPolicyMSPerMB=0'],
  ...['-XX:-OmitStackTraceInFastThrow', '-XX:-UseLargePages'],
]
const METASPACE = ['-XX:MetaspaceSize=128m', '-XX:MaxMetaspaceSize=320m']

/**
 * JVM options of the broker and the name server. `stock` is what RocketMQ's own start scripts set, `normal` the same
 * collector with a heap that fits small machines, `small` the least that carried every scenario.
 */
const heaps = {
  normal: {
    broker: ['-Xms2g', '-Xmx2g', ...G1, '-XX:MaxDirectMemorySize=2g'],
    namesrv: ['-Xms512m', '-Xmx512m', ...METASPACE, ...G1],
  },
  stock: {
    broker: ['-Xms8g', '-Xmx8g', ...G1, '-XX:+AlwaysPreTouch', '-XX:MaxDirectMemorySize=15g'],
    namesrv: ['-Xms4g', '-Xmx4g', ...METASPACE, ...G1],
  },
  small: {
    broker: [
      '-Xms512m',
      '-Xmx512m',
      '-XX:+UseG1GC',
      '-XX:-OmitStackTraceInFastThrow',
      '-XX:MaxDirectMemorySize=512m',
    ],
    namesrv: ['-Xms128m', '-Xmx128m', '-XX:+UseSerialGC', '-XX:-OmitStackTraceInFastThrow'],
  },
} as const

/** Memory settings under which the real RocketMQ can be measured. */
export type Heap = keyof typeof heaps

/** @throws RangeError for a word that is no heap */
export function heapOf(name: string): Heap {
  if (name === 'normal' || name === 'stock' || name === 'small') return name
  throw new RangeError(`heap wants normal, stock or small, not "${name}"`)
}

/** Folder of the pom that resolves RocketMQ; its `lib/` gets the jars. */
const JARS = 'peer/jars/rocketmq'

/** The real Apache RocketMQ of Maven Central: a name server and one broker, otherwise with the shipped defaults. */
export async function rocketmqPlan(options: PlanOptions & { readonly heap: Heap }): Promise<ServerPlan> {
  mavenPackage(JARS, 'lib')
  const ports = await freePorts()
  const processes = new ServerProcesses(options.storeParent, 'rocketmq')
  writeConfiguration(processes.dir, ports, options)
  const java = (jvm: readonly string[], main: string, file: string) => [
    ...['java', '-server', ...jvm],
    ...['--add-opens', 'java.base/java.nio=ALL-UNNAMED', '--add-opens', 'java.base/sun.nio.ch=ALL-UNNAMED'],
    `-Duser.home=${join(processes.dir, 'home')}`, // logs and offsets go there
    `-Drocketmq.home.dir=${join(processes.dir, 'home')}`,
    `-Djava.io.tmpdir=${join(processes.dir, 'tmp')}`,
    ...['-cp', join(benchDir, JARS, 'lib/*'), main, '-c', join(processes.dir, file)],
  ]
  const { namesrv, broker } = heaps[options.heap]
  return {
    label: 'rocketmq',
    about: `Apache RocketMQ 5.5.0, heap ${options.heap} (broker ${broker[1].slice(4)}), ${options.flushDiskType}`,
    processes,
    namesrvPort: ports.namesrvPort,
    commands: [
      {
        name: 'namesrv',
        argv: java(namesrv, 'org.apache.rocketmq.namesrv.NamesrvStartup', 'namesrv.conf'),
        port: ports.namesrvPort,
      },
      {
        name: 'broker',
        argv: java(broker, 'org.apache.rocketmq.broker.BrokerStartup', 'broker.conf'),
        port: ports.listenPort,
      },
    ],
  }
}

function writeConfiguration(dir: string, ports: ServerPorts, options: PlanOptions): void {
  for (const folder of ['home/conf', 'tmp', 'store', 'namesrv'])
    mkdirSync(join(dir, folder), { recursive: true })
  const broker = {
    brokerClusterName: 'DefaultCluster',
    brokerName: 'broker-a',
    brokerId: 0,
    brokerIP1: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: ports.listenPort,
    namesrvAddr: `127.0.0.1:${ports.namesrvPort}`,
    storePathRootDir: join(dir, 'store'),
    storePathCommitLog: join(dir, 'store/commitlog'),
    autoCreateTopicEnable: true,
    flushDiskType: options.flushDiskType,
    deleteWhen: '04',
    fileReservedTime: 48,
  }
  const namesrv = {
    listenPort: ports.namesrvPort,
    bindAddress: '127.0.0.1',
    kvConfigPath: join(dir, 'namesrv/kvConfig.json'),
    configStorePath: join(dir, 'namesrv/namesrv.properties'),
  }
  writeFileSync(join(dir, 'broker.conf'), properties(broker))
  writeFileSync(join(dir, 'namesrv.conf'), properties(namesrv))
}

function properties(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
