// The suites, in the order in which they run. Each gets a directory of its own, the target's kind, the
// checks that were chosen (none: all) and the report.
import { readFileSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { goProgram } from './build.mjs'
import { runExamples } from './examples.mjs'
import { javaProgram, signedBy } from './java-program.mjs'
import { mqadminSuite } from './mqadmin.mjs'
import { interopDir, projectDir } from './places.mjs'
import { runProgram } from './program.mjs'
import { pythonSuite } from './python.mjs'
import { runStorePairs } from './store-pairs.mjs'
import { withTarget } from './targets.mjs'

const SUITE_MS_MAX = 900_000

/** A broker on which nothing is created by itself, and whose files are small, age at once and are synced. */
const strictSettings = {
  autoCreateTopicEnable: false,
  autoCreateSubscriptionGroup: false,
  maxMessageSize: 65_536,
  flushDiskType: 'SYNC_FLUSH',
  mappedFileSizeCommitLog: 1_048_576,
  mappedFileSizeConsumeQueue: 6000, // 300 entries
  fileReservedTime: 0,
  deleteWhen: Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')).join(';'),
}

const certificates = join(projectDir, 'test/fixtures/tls')

/** Plain and TLS share the ports; clients with TLS check the certificate. The real RocketMQ makes one of its own. */
const tlsServer = {
  tlsServerCertPath: join(certificates, 'server.pem'),
  tlsServerKeyPath: join(certificates, 'server.key'),
}
const tlsClient = (kind) => [
  '-Dtls.enable=true',
  '-Dtls.test.mode.enable=false',
  ...(kind === 'ternmq'
    ? ['-Dtls.client.authServer=true', `-Dtls.client.trustCertPath=${join(certificates, 'ca.pem')}`]
    : []),
]
const tlsChecks = [
  'send-sync',
  'send-oneway',
  'body-sizes',
  'push-concurrent',
  'push-at-once',
  'admin-cluster',
]

/** The authority behind TernMQ's certificate. */
const tlsTrust = () => ({ ca: readFileSync(join(certificates, 'ca.pem'), 'utf8') })

/** What the SDK shows where requests are signed or go over TLS. */
const sdkSecuredChecks = ['send', 'request-reply', 'transaction', 'ordered', 'retry', 'pop-run']

/** Everything that is off by default, and times that a check can wait for. */
const featureSettings = {
  messageDelayLevel: Array.from({ length: 18 }, (_, level) => `${level + 1}s`).join(' '),
  enablePropertyFilter: true,
  traceTopicEnable: true,
  recallMessageEnable: true,
  transactionTimeOut: 4000,
  transactionCheckInterval: 2000,
  transactionCheckMax: 5,
}

/** A broker on which nothing goes without a signature; this user may do everything. */
const credentials = { accessKey: 'operator', secretKey: 'operator-secret' }
const authPackage = 'org.apache.rocketmq.auth'
const aclSettings = {
  authenticationEnabled: true,
  authorizationEnabled: true,
  // RocketMQ wants to be told where it keeps users and rights
  authenticationMetadataProvider: `${authPackage}.authentication.provider.LocalAuthenticationMetadataProvider`,
  authorizationMetadataProvider: `${authPackage}.authorization.provider.LocalAuthorizationMetadataProvider`,
  initAuthenticationUser: JSON.stringify({
    username: credentials.accessKey,
    password: credentials.secretKey,
  }),
}

/** How a program is told who signs. */
const signerWords = [credentials.accessKey, credentials.secretKey]

/** Every suite: its name for `--only`, what runs it, and whether it runs only if named. */
export const suites = [
  // the longest goes first
  { name: 'store', run: runStorePairs },
  { name: 'java4-json', run: javaSuite({ module: 'client4', serialization: 'JSON' }) },
  { name: 'java4-rocketmq', run: javaSuite({ module: 'client4', serialization: 'ROCKETMQ' }) },
  { name: 'java5-json', run: javaSuite({ module: 'client5', serialization: 'JSON' }) },
  { name: 'java5-rocketmq', run: javaSuite({ module: 'client5', serialization: 'ROCKETMQ' }) },
  {
    name: 'strict',
    run: javaSuite({ module: 'client5', serialization: 'JSON', program: 'strict', settings: strictSettings }),
  },
  // an offset reset reaches these clients by a push
  { name: 'features4', run: featuresSuite('client4', 'JSON', { useServerSideResetOffset: false }) },
  { name: 'features5', run: featuresSuite('client5', 'ROCKETMQ') },
  { name: 'acl4', run: aclSuite('client4', 'JSON') },
  { name: 'acl5', run: aclSuite('client5', 'ROCKETMQ') },
  { name: 'plain4', run: runPlain },
  { name: 'tls4', run: tlsSuite('client4') },
  { name: 'tls5', run: tlsSuite('client5') },
  { name: 'go', run: goSuite({}) },
  { name: 'go-features', run: goSuite({ program: ['features'], settings: featureSettings }) },
  { name: 'sdk', run: sdkSuite({ settings: featureSettings }) },
  {
    name: 'sdk-acl',
    run: sdkSuite({
      settings: { ...featureSettings, ...aclSettings },
      ...{ signer: credentials, options: () => credentials, chosen: sdkSecuredChecks },
    }),
  },
  {
    name: 'sdk-tls',
    run: sdkSuite({
      settings: { ...featureSettings, ...tlsServer },
      options: (kind) => ({ tls: kind === 'ternmq' ? tlsTrust() : { rejectUnauthorized: false } }),
      chosen: sdkSecuredChecks,
    }),
  },
  { name: 'sdk-two', run: runTwoBrokers },
  {
    name: 'ali-ons',
    run: nodeSuite({
      program: 'ali-ons/ali-ons.mjs',
      settings: { ...featureSettings, ...aclSettings },
      signer: credentials,
      args: signerWords,
    }),
  },
  { name: 'cli', run: cliSuite },
  { name: 'examples', run: runExamples },
  { name: 'mqadmin', run: mqadminSuite({ folder: 'mqadmin', settings: { traceTopicEnable: true } }) },
  {
    name: 'mqadmin-acl',
    run: mqadminSuite({ folder: 'mqadmin/acl', settings: aclSettings, signer: credentials }),
  },
  // wants Python, so it runs where it is named
  { name: 'cpp', run: pythonSuite({ settings: featureSettings }), isOptional: true },
]

function featuresSuite(module, serialization, settings = {}) {
  return javaSuite({
    ...{ module, serialization, program: 'features' },
    settings: { ...featureSettings, ...settings },
  })
}

function aclSuite(module, serialization) {
  return javaSuite({
    ...{ module, serialization, program: 'acl', settings: aclSettings, signer: credentials },
    properties: () => signedBy(credentials),
  })
}

/** Accounts of ACL 1.0, which RocketMQ 5.5.0 has no more. */
async function runPlain({ kind, ...options }) {
  if (kind !== 'ternmq') return
  const plainAclFile = join(options.dir, 'plain-acl.yml')
  await copyFile(join(interopDir, 'runner/plain-acl.yml'), plainAclFile)
  const suite = javaSuite({
    ...{ module: 'client4', serialization: 'ROCKETMQ', program: 'plain', signer: credentials },
    settings: { aclEnable: true, plainAclFile },
    properties: () => signedBy(credentials),
  })
  await suite({ kind, ...options })
}

function tlsSuite(module) {
  return javaSuite({
    ...{ module, serialization: 'JSON', settings: tlsServer, properties: tlsClient, chosen: tlsChecks },
  })
}

/**
 * @param signer who signs the runner's own requests, where the settings want that
 * @param properties what the JVM is told, by the kind of the target
 * @param chosen the checks that run unless others are asked for; none: all
 */
function javaSuite({
  module,
  serialization,
  program = 'all',
  settings,
  signer,
  properties = () => [],
  chosen = [],
}) {
  return async ({ name, dir, kind, lie, checks, report }) => {
    await mkdir(join(dir, 'offsets'))
    await withTarget({ kind, dir: join(dir, 'target'), settings, signer, lie }, (target) =>
      runProgram({
        ...javaProgram({
          ...{ module, serialization, program, dir, target },
          properties: properties(kind),
          checks: checks.length > 0 ? checks : chosen,
        }),
        suite: name,
        logFile: join(dir, 'client.log'),
        limitMs: suiteMsMax(lie),
        target,
        report,
      }),
    )
  }
}

/**
 * A program that Node.js runs.
 * @param args what it is told before the names of checks
 * @param env what it finds in its environment
 * @param chosen the checks that run unless others are asked for; none: all
 */
function nodeSuite({ program, settings, signer, args = [], env = () => ({}), chosen = [] }) {
  return async ({ name, dir, kind, lie, checks, report }) => {
    await withTarget({ kind, dir: join(dir, 'target'), settings, signer, lie }, (target) =>
      runProgram({
        command: process.execPath,
        args: [
          ...[join(interopDir, program), target.namesrv, ...args],
          ...(checks.length > 0 ? checks : chosen),
        ],
        env: env({ kind, dir, target }),
        cwd: dir,
        suite: name,
        logFile: join(dir, 'client.log'),
        limitMs: suiteMsMax(lie),
        target,
        report,
      }),
    )
  }
}

/** The command line is shown on both, since operators of RocketMQ use it too. */
async function cliSuite({ name, dir, kind, ...rest }) {
  const settings = { ...featureSettings, ...aclSettings }
  const run = nodeSuite({ program: 'node/cli.mjs', settings, signer: credentials, args: signerWords })
  for (const each of new Set([kind, 'rocketmq'])) {
    await mkdir(join(dir, each))
    await run({ ...rest, name: `${name}-${each}`, dir: join(dir, each), kind: each })
  }
}

/**
 * This project's own client: what it does with TernMQ it is to do with the real RocketMQ.
 * @param options of `connect`, by the kind of the target
 */
function sdkSuite({ options = () => ({}), ...rest }) {
  return nodeSuite({
    program: 'node/sdk.mjs',
    env: ({ kind, dir, target }) => ({
      SDK_OPTIONS: JSON.stringify(options(kind)),
      INTEROP_JAVA: JSON.stringify(javaProgram({ module: 'client5', serialization: 'JSON', dir, target })),
    }),
    ...rest,
  })
}

/** Two brokers under one name server, of which one hangs for a while and then is killed. */
async function runTwoBrokers({ name, dir, kind, checks, report }) {
  await withTarget({ kind, dir: join(dir, 'target') }, async (target) => {
    const other = await target.addBroker({ dir: join(dir, 'other'), brokerName: 'broker-b' })
    try {
      await runProgram({
        ...{ suite: name, command: process.execPath, cwd: dir, target, report, limitMs: SUITE_MS_MAX },
        args: [join(interopDir, 'node/sdk-two.mjs'), target.namesrv, String(other.pids.at(-1)), ...checks],
        logFile: join(dir, 'program.log'),
      })
    } finally {
      await other.kill()
    }
  })
}

function goSuite({ program = [], settings }) {
  return async ({ name, dir, kind, lie, checks, report }) => {
    await withTarget({ kind, dir: join(dir, 'target'), settings, lie }, (target) =>
      runProgram({
        command: goProgram,
        args: [...program, ...checks],
        env: {
          NAMESRV_ADDR: target.namesrv,
          BROKER_ADDR: target.broker, // the Go admin client wants to be told
          ARRIVE_SECONDS_MAX: target.traits.arriveSecondsMax,
          ROCKETMQ_GO_LOG_LEVEL: 'warn',
          'rocketmq.client.localOffsetStoreDir': join(dir, 'offsets'),
        },
        cwd: dir,
        suite: name,
        logFile: join(dir, 'client.log'),
        limitMs: suiteMsMax(lie),
        target,
        report,
      }),
    )
  }
}

/** Under a lie most checks wait in vain. */
function suiteMsMax(lie) {
  return lie ? 3 * SUITE_MS_MAX : SUITE_MS_MAX
}
