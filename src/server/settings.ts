import { parseQuotaRules } from '../broker/quota-rules.ts'
import { messageRequestModes } from '../protocol/message-request-mode.ts'
import { DELAY_LEVELS_DEFAULT, DelayLevels } from '../store/delay-levels.ts'
import { dynamic, flag, integer, type Setting, secret, text, word } from './setting.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const INT32_MAX = 2_147_483_647

const port = { min: 0, max: 65_535 }
const percent = { min: 1, max: 100, unit: '%' }
const name = {
  pattern: /^[%|a-zA-Z0-9_.-]{1,127}$/,
  wants: '1 to 127 of the characters a-z A-Z 0-9 % | _ - .',
}
const address = { pattern: /^[^\s]*$/, wants: 'an address without white space' }
const addresses = {
  pattern: /^([^\s;]+:\d{1,5}(;[^\s;]+:\d{1,5})*;?)?$/,
  wants: 'host:port, several joined by ;',
}
const path = { pattern: /^\P{Cc}+$/u, wants: 'a path' }
const optionalPath = { pattern: /^\P{Cc}*$/u, wants: 'a path' }

/**
 * Every setting of TernMQ. Where RocketMQ has the key its spelling is the name, and broker.conf files go on working; names of
 * our own carry their unit last. A value comes from, in this order: flag, environment, what was changed at run time, the file
 * given with `-c`, and the default here.
 */
export const settings = {
  // identity and addresses
  brokerClusterName: text('DefaultCluster', 'name of the cluster', name),
  brokerName: text('broker-a', 'name of the broker: it must stay with its store', name),
  brokerRole: word(
    'ASYNC_MASTER',
    ['ASYNC_MASTER', 'SYNC_MASTER'],
    'what tools are told; there is no replication yet',
  ),
  brokerId: integer(0, { min: 0, max: 1_000_000 }, '0 is the master'),
  bindAddress: text(
    '127.0.0.1',
    'address that is listened on; beyond loopback it wants --insecure-open',
    address,
  ),
  brokerIP1: text('', 'address that clients are told; empty: the address listened on', address),
  listenPort: integer(10_911, port, 'port of the broker; 0 takes a free one'),
  namesrvPort: integer(9876, port, 'port of the NameServer; 0 takes a free one'),
  httpPort: integer(8082, port, 'port of /healthz, /readyz and /metrics; 0 takes a free one'),
  namesrvAddr: text('', 'NameServers to register with', addresses),
  haListenPort: integer(0, port, 'port told to replicas; 0: listenPort + 1'),
  registerNameServerPeriod: integer(
    30_000,
    { min: 10_000, max: 60_000, unit: 'ms' },
    'time between two registrations',
  ),
  // store
  storePathRootDir: text('./data', 'folder of everything that is stored', path),
  storePathCommitLog: text('', 'folder of the CommitLog; empty: commitlog in storePathRootDir', optionalPath),
  mappedFileSizeCommitLog: integer(
    GIB,
    { min: 65_536, max: INT32_MAX, unit: 'bytes' },
    'size of a CommitLog file',
  ),
  mappedFileSizeConsumeQueue: integer(
    6_000_000,
    { min: 20, max: 600_000_000, unit: 'bytes' },
    'size of a ConsumeQueue file, 20 bytes an entry',
  ),
  flushDiskType: word('ASYNC_FLUSH', ['ASYNC_FLUSH', 'SYNC_FLUSH'], 'whether answers wait for the disk'),
  flushIntervalCommitLog: integer(
    500,
    { min: 1, max: 600_000, unit: 'ms' },
    'under ASYNC_FLUSH, time between two flushes',
  ),
  syncFlushTimeout: integer(
    5000,
    { min: 1, max: 600_000, unit: 'ms' },
    'under SYNC_FLUSH, longest wait for the disk',
  ),
  enabledAppendPropCRC: flag(
    false,
    'whether each stored message gets a CRC over the whole of it, as one more property',
  ),
  acceptHole: flag(
    false,
    'whether a start goes on without files of the log that are missing between others: their messages are lost',
  ),
  messageIndexEnable: flag(true, 'whether messages can be found by key'),
  maxHashSlotNum: integer(5_000_000, { min: 1, max: 100_000_000 }, 'slots of a key index file'),
  maxIndexNum: integer(20_000_000, { min: 2, max: 400_000_000 }, 'entries of a key index file'),
  maxMessageSize: dynamic(
    integer(4 * MIB, { min: 1, max: 15 * MIB, unit: 'bytes' }, 'largest body of a message'),
  ),
  tailMemoryBytes: integer(
    16 * MIB,
    { min: 2 * MIB, max: 16 * GIB, unit: 'bytes' },
    'end of the log that is kept in memory',
  ),
  cacheMemoryBytes: integer(
    16 * MIB,
    { min: MIB, max: 16 * GIB, unit: 'bytes' },
    'older parts of the store that are kept in memory',
  ),
  openFilesMax: integer(512, { min: 16, max: 100_000 }, 'files of the store that are kept open'),
  // retention
  fileReservedTime: dynamic(
    integer(72, { min: 0, max: 1_000_000, unit: 'h' }, 'time that messages are kept'),
  ),
  deleteWhen: dynamic(
    text('04', 'hours of the day at which expired files are deleted, joined by ;', {
      pattern: /^([01]?\d|2[0-3])(;([01]?\d|2[0-3]))*$/,
      wants: 'hours from 00 to 23 joined by ;',
    }),
  ),
  diskMaxUsedSpaceRatio: dynamic(integer(75, percent, 'used disk above which expired files go at any hour')),
  diskSpaceCleanForciblyRatio: dynamic(
    integer(85, percent, 'used disk above which files go before they expire'),
  ),
  diskSpaceWarningLevelRatio: dynamic(integer(90, percent, 'used disk above which messages are refused')),
  cleanFileForciblyEnable: dynamic(flag(true, 'whether files may go before they expire')),
  // topics and groups
  autoCreateTopicEnable: flag(true, 'whether clients make topics by sending'),
  autoCreateSubscriptionGroup: dynamic(flag(true, 'whether clients make groups by consuming')),
  autoCreatedTopicsMax: integer(
    10_000,
    { min: 0, max: 1_000_000 },
    'most topics that clients make by sending',
  ),
  autoCreatedGroupsMax: integer(
    10_000,
    { min: 0, max: 1_000_000 },
    'most groups that clients make by consuming, since the start',
  ),
  defaultTopicQueueNums: integer(8, { min: 1, max: 65_536 }, 'most queues of a topic made by sending'),
  brokerPermission: dynamic(integer(6, { min: 0, max: 7 }, 'what clients may do: 4 read, 2 write, 6 both')),
  clusterTopicEnable: flag(true, 'whether the topic named as the cluster is open'),
  brokerTopicEnable: flag(true, 'whether the topic named as the broker is open'),
  traceTopicEnable: flag(false, 'whether the trace topic is made at the start'),
  msgTraceTopicName: text('RMQ_SYS_TRACE_TOPIC', 'name of the trace topic', name),
  traceOn: flag(true, 'what clients are told of tracing'),
  regionId: text('DefaultRegion', 'region that messages are marked with', name),
  // delivery
  longPollingEnable: dynamic(
    flag(true, 'whether pulls wait for messages as long as their clients want, or shortPollingTimeMills'),
  ),
  shortPollingTimeMills: dynamic(
    integer(1000, { min: 1, max: 60_000, unit: 'ms' }, 'wait of pulls where longPollingEnable is off'),
  ),
  litePullMessageEnable: dynamic(flag(true, 'whether lite pull is answered')),
  enablePropertyFilter: dynamic(flag(false, 'whether consumers may filter by SQL92')),
  filterSupportRetry: dynamic(flag(false, 'whether retry topics are filtered by SQL92 too')),
  maxTransferCountOnMessageInMemory: dynamic(
    integer(32, { min: 1, max: 65_536 }, 'most messages of a pull from the recent part of the log'),
  ),
  maxTransferBytesOnMessageInMemory: dynamic(
    integer(256 * 1024, { min: 1, max: 16 * MIB, unit: 'bytes' }, 'most bytes of such a pull'),
  ),
  maxTransferCountOnMessageInDisk: dynamic(
    integer(8, { min: 1, max: 65_536 }, 'most messages of a pull from the older part'),
  ),
  maxTransferBytesOnMessageInDisk: dynamic(
    integer(64 * 1024, { min: 1, max: 16 * MIB, unit: 'bytes' }, 'most bytes of such a pull'),
  ),
  accessMessageInMemoryMaxRatio: dynamic(
    integer(40, percent, 'share of the memory that counts as the recent part of the log'),
  ),
  useServerSideResetOffset: flag(
    true,
    'whether a reset of offsets happens in the broker rather than in the clients',
  ),
  dedupWindowMs: integer(
    0,
    { min: 0, max: 86_400_000, unit: 'ms' },
    'time within which messages of a topic with the same TERN_DEDUP_KEY are stored once; 0: the key means nothing',
  ),
  dedupKeysMax: integer(
    500_000,
    { min: 1000, max: 50_000_000 },
    'most such keys that are remembered, at about 100 bytes each; the oldest are forgotten first',
  ),
  storeReplyMessageEnable: dynamic(flag(true, 'whether replies to requests are stored too')),
  // pop
  popFromRetryProbability: dynamic(
    integer(20, { min: 0, max: 100, unit: '%' }, 'share of the pops that look into the retry topic first'),
  ),
  enableRetryTopicV2: dynamic(flag(false, 'whether retry topics of pops are named %RETRY%group+topic')),
  retrieveMessageFromPopRetryTopicV1: dynamic(
    flag(true, 'whether those named %RETRY%group_topic are still read then'),
  ),
  popResponseReturnActualRetryTopic: dynamic(
    flag(false, 'whether popped messages show the retry topic that they come from'),
  ),
  initPopOffsetByCheckMsgInMem: dynamic(
    flag(true, 'whether a popping group that starts at the end takes a young topic from its beginning'),
  ),
  enablePopMessageThreshold: dynamic(flag(false, 'whether popInflightMessageThreshold counts')),
  popInflightMessageThreshold: dynamic(
    integer(
      10_000,
      { min: 1, max: 100_000_000 },
      'most messages of a queue that a group may hold without acknowledging',
    ),
  ),
  popPollingSize: dynamic(
    integer(1024, { min: 1, max: 1_000_000 }, 'most pops that wait for a group and queue'),
  ),
  maxPopPollingSize: dynamic(integer(100_000, { min: 1, max: 10_000_000 }, 'most pops that wait at all')),
  serverLoadBalancerEnable: dynamic(
    flag(true, 'whether consumers that ask for their queues get a share, not all'),
  ),
  defaultMessageRequestMode: word(
    'PULL',
    messageRequestModes,
    'how consumers that ask for their queues consume them',
  ),
  defaultPopShareQueueNum: integer(
    -1,
    { min: -1, max: 1_000_000 },
    'consumers that share a popped queue; less than 1: all',
  ),
  messageDelayLevel: delayLevels('delays that messages may ask for by level'),
  timerMaxDelaySec: dynamic(
    integer(
      3 * 24 * 3600,
      { min: 1, max: 100 * 366 * 24 * 3600, unit: 's' },
      'longest delay that timer messages may ask for',
    ),
  ),
  timerRollWindowSlot: dynamic(
    integer(
      2 * 24 * 3600,
      { min: 1, max: 3650 * 24 * 3600, unit: 's' },
      'wait after which a timer message is stored again, two thirds of fileReservedTime at most',
    ),
  ),
  recallMessageEnable: dynamic(flag(false, 'whether timer messages may be recalled')),
  // transactions
  rejectTransactionMessage: dynamic(flag(false, 'whether messages of transactions are refused')),
  transactionTimeOut: dynamic(
    integer(
      6000,
      { min: 1, max: 86_400_000, unit: 'ms' },
      'time from the birth of a message in which its producer is not asked how its transaction ended',
    ),
  ),
  transactionCheckInterval: dynamic(
    integer(30_000, { min: 100, max: 86_400_000, unit: 'ms' }, 'time between two rounds of asking'),
  ),
  transactionCheckMax: dynamic(
    integer(15, { min: 1, max: 10_000 }, 'how often a producer is asked before its message is parked'),
  ),
  // who may do what
  authenticationEnabled: flag(false, 'whether requests must be signed by a user'),
  authorizationEnabled: flag(false, 'whether policies decide what a user may do; otherwise everything'),
  aclEnable: flag(
    false,
    'whether requests may also be signed by accounts of plainAclFile (ACL 1.0), and must be signed',
  ),
  plainAclFile: text('conf/plain_acl.yml', 'accounts of ACL 1.0, YAML', path),
  initAuthenticationUser: secret('super user to make where missing, {"username":"…","password":"…"}'),
  innerClientAuthenticationCredentials: secret(
    'super user whose name the broker signs with at NameServers, {"accessKey":"…","secretKey":"…"}',
  ),
  // TLS; RocketMQ's own names, such as tls.server.certPath, are taken in files too
  tlsServerMode: word(
    'permissive',
    ['disabled', 'permissive', 'enforcing'],
    'whether TLS is spoken with clients that begin with it, or with all; without a certificate it is with none',
  ),
  tlsServerCertPath: text('', 'certificate of broker and NameServer, PEM, with its chain', optionalPath),
  tlsServerKeyPath: text('', 'private key of that certificate, PEM', optionalPath),
  tlsServerKeyPassword: secret('opens that key where it is encrypted'),
  tlsServerNeedClientAuth: word(
    'none',
    ['none', 'optional', 'require'],
    'whether clients may or must show a certificate; it is always checked',
  ),
  tlsServerTrustCertPath: text('', 'authorities that vouch for clients, PEM', optionalPath),
  tlsEnable: flag(false, 'whether the broker speaks TLS with NameServers'),
  tlsClientAuthServer: flag(true, 'whether their certificates are checked'),
  tlsClientCertPath: text('', 'certificate that the broker shows them, PEM', optionalPath),
  tlsClientKeyPath: text('', 'private key of that certificate, PEM', optionalPath),
  tlsClientKeyPassword: secret('opens that key where it is encrypted'),
  tlsClientTrustCertPath: text(
    '',
    'authorities that vouch for NameServers, PEM; empty: those that Node.js trusts',
    optionalPath,
  ),
  // limits
  quotas: dynamic(
    quotaRules('messages and bytes that clients, groups and topics may send and take in a second'),
  ),
  connectionsMax: integer(
    65_536,
    { min: 1, max: 1_000_000 },
    'most connections of broker and NameServer; fewer where the process may open fewer files',
  ),
  connectionsPerAddressMax: integer(65_536, { min: 1, max: 1_000_000 }, 'most connections from one address'),
  connectionsPerSecondMax: integer(
    10_000,
    { min: 1, max: 1_000_000 },
    'most new connections in a second, twice as many at once after a while',
  ),
  // operation
  logLevel: word('info', ['debug', 'info', 'warn', 'error', 'silent'], 'what is logged'),
  logFormat: word(
    'auto',
    ['auto', 'json', 'text'],
    'how log lines look; auto: text on a terminal, JSON elsewhere',
  ),
}

export type SettingName = keyof typeof settings

/** A value for every setting. */
export type Config = { readonly [Name in SettingName]: (typeof settings)[Name]['fallback'] }

export const settingNames = Object.keys(settings) as SettingName[]

/** Headings for help and docs, by the setting of the table that each stands above. */
export const settingHeadings: Readonly<Partial<Record<SettingName, string>>> = {
  brokerClusterName: 'Identity and addresses',
  storePathRootDir: 'Store',
  fileReservedTime: 'Retention',
  autoCreateTopicEnable: 'Topics and groups',
  longPollingEnable: 'Delivery',
  rejectTransactionMessage: 'Transactions',
  authenticationEnabled: 'Users and rights',
  tlsServerMode: 'TLS',
  quotas: 'Limits',
  logLevel: 'Operation',
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name)
}

/** A setting of the table, of whatever type. */
export function settingOf(name: SettingName): Setting<unknown> {
  return settings[name] as Setting<unknown>
}

function delayLevels(about: string): Setting<string> {
  const setting = text(DELAY_LEVELS_DEFAULT, about)
  const parse = (settingName: string, given: string): string => {
    new DelayLevels(setting.parse(settingName, given))
    return given
  }
  return { ...setting, bounds: 'delays such as 1s 5m 2h, joined by spaces', parse }
}

function quotaRules(about: string): Setting<string> {
  const setting = text('', about)
  const parse = (settingName: string, given: string): string => {
    parseQuotaRules(setting.parse(settingName, given))
    return given
  }
  return { ...setting, bounds: 'rules such as send topic:orders 100/s 1MiB/s, joined by ;', parse }
}
