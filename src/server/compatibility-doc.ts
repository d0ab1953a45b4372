import { flagText, type MqadminEntry } from '../admin/cli/mqadmin.ts'
import { RequestCode, type RequestCodeName } from '../protocol/request-code.ts'
import { clientsDoc } from './clients-doc.ts'
import { testOfCode } from './code-tests.ts'
import { mqadminNeeds } from './mqadmin-needs.ts'

/** What the program answers, as it says itself. */
export interface Answered {
  readonly brokerCodes: readonly number[]
  readonly namesrvCodes: readonly number[]
  /** What `ternmq mqadmin` makes of sub-commands. */
  readonly mqadmin: readonly MqadminEntry[]
}

const CONTROLLER = 'not offered: controllers'
const LITE = 'not offered: lite topics'
const COLD = 'not offered: throttling of cold reads, mapped files'
const NOBODY = 'answered by no RocketMQ 5 broker or NameServer either'
const REPLICATION = 'not yet: replication'
const PLAIN_ACL = 'answered by the broker where aclEnable is on'
const JRAFT = 'inside a controller, never on the wire'

/** Codes that are not answered, and why; those without a word here are to come. */
const unanswered: Readonly<Partial<Record<RequestCodeName, string>>> = {
  QUERY_BROKER_OFFSET: NOBODY,
  GET_TOPIC_CONFIG_LIST: NOBODY,
  GET_TOPIC_NAME_LIST: NOBODY,
  TRIGGER_DELETE_FILES: NOBODY,
  GET_CLIENT_CONFIG: NOBODY,
  SUSPEND_CONSUMER: NOBODY,
  RESUME_CONSUMER: NOBODY,
  RESET_CONSUMER_OFFSET_IN_CONSUMER: NOBODY,
  RESET_CONSUMER_OFFSET_IN_BROKER: NOBODY,
  ADJUST_CONSUMER_THREAD_POOL: NOBODY,
  WHO_CONSUME_THE_MESSAGE: NOBODY,
  REGISTER_FILTER_SERVER: NOBODY,
  REGISTER_MESSAGE_FILTER_CLASS: NOBODY,
  UPDATE_AND_CREATE_ACL_CONFIG: PLAIN_ACL,
  DELETE_ACL_CONFIG: PLAIN_ACL,
  GET_BROKER_CLUSTER_ACL_INFO: PLAIN_ACL,
  UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: PLAIN_ACL,
  GET_BROKER_CLUSTER_ACL_CONFIG: PLAIN_ACL,
  UPDATE_AND_CREATE_STATIC_TOPIC: 'not offered: static topics',
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: 'not offered: RocksDB',
  EXPORT_ROCKSDB_CONFIG_TO_JSON: 'not offered: RocksDB',
  SWITCH_TIMER_ENGINE: 'not offered: RocksDB timers',
  POP_LITE_MESSAGE: LITE,
  LITE_SUBSCRIPTION_CTL: LITE,
  ACK_LITE_MESSAGE: LITE,
  NOTIFY_UNSUBSCRIBE_LITE: LITE,
  GET_BROKER_LITE_INFO: LITE,
  GET_PARENT_TOPIC_INFO: LITE,
  GET_LITE_TOPIC_INFO: LITE,
  GET_LITE_CLIENT_INFO: LITE,
  GET_LITE_GROUP_INFO: LITE,
  TRIGGER_LITE_DISPATCH: LITE,
  ADD_BROKER: 'not offered: broker containers',
  REMOVE_BROKER: 'not offered: broker containers',
  NOTIFY_MIN_BROKER_ID_CHANGE: REPLICATION,
  EXCHANGE_BROKER_HA_INFO: REPLICATION,
  RESET_MASTER_FLUSH_OFFSET: REPLICATION,
  GET_BROKER_EPOCH_CACHE: CONTROLLER,
  NOTIFY_BROKER_ROLE_CHANGED: CONTROLLER,
  CONTROLLER_ALTER_SYNC_STATE_SET: CONTROLLER,
  CONTROLLER_ELECT_MASTER: CONTROLLER,
  CONTROLLER_REGISTER_BROKER: CONTROLLER,
  CONTROLLER_GET_REPLICA_INFO: CONTROLLER,
  CONTROLLER_GET_METADATA_INFO: CONTROLLER,
  CONTROLLER_GET_SYNC_STATE_DATA: CONTROLLER,
  UPDATE_CONTROLLER_CONFIG: CONTROLLER,
  GET_CONTROLLER_CONFIG: CONTROLLER,
  CLEAN_BROKER_DATA: CONTROLLER,
  CONTROLLER_GET_NEXT_BROKER_ID: CONTROLLER,
  CONTROLLER_APPLY_BROKER_ID: CONTROLLER,
  BROKER_CLOSE_CHANNEL_REQUEST: JRAFT,
  CHECK_NOT_ACTIVE_BROKER_REQUEST: JRAFT,
  GET_BROKER_LIVE_INFO_REQUEST: JRAFT,
  GET_SYNC_STATE_DATA_REQUEST: JRAFT,
  RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: JRAFT,
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: COLD,
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: COLD,
  GET_COLD_DATA_FLOW_CTR_INFO: COLD,
  SET_COMMITLOG_READ_MODE: COLD,
}

/** What brokers send to clients. */
const toClients: readonly RequestCodeName[] = [
  'CHECK_TRANSACTION_STATE',
  'NOTIFY_CONSUMER_IDS_CHANGED',
  'RESET_CONSUMER_CLIENT_OFFSET',
  'GET_CONSUMER_STATUS_FROM_CLIENT',
  'GET_CONSUMER_RUNNING_INFO',
  'CONSUME_MESSAGE_DIRECTLY',
  'PUSH_REPLY_MESSAGE_TO_CLIENT',
]

/** docs/compatibility.md, printed from what the broker and the NameServer answer. */
export function compatibilityDoc(answered: Answered): string {
  const codes = Object.keys(RequestCode) as RequestCodeName[]
  const states = new Map(codes.map((name) => [name, stateOf(name, answered)]))
  const count = [...states.values()].filter((state) => state.startsWith('answered by the')).length
  return [
    '# Compatibility',
    '',
    'Printed by `npm run docs` from `src/protocol/request-code.ts` and from what a running broker and NameServer say they answer.',
    '',
    'The interop suite (`npm run test:interop`) shows official clients at work; `test/vectors/` holds what the real RocketMQ sent, and tests replay',
    'it. This page says which requests there are at all.',
    '',
    '## Request codes',
    '',
    `${count} of the ${codes.length} codes of RocketMQ 5 are answered. A code that is not answered, and one that nobody knows, gets`,
    'REQUEST_CODE_NOT_SUPPORTED (3), with the code in its remark.',
    '',
    '| code | name | state | test |',
    '|---|---|---|---|',
    ...codes.map(
      (name) => `| ${RequestCode[name]} | ${name} | ${states.get(name)} | ${testOfCode.get(name) ?? ''} |`,
    ),
    '',
    ...clientsDoc,
    "## mqadmin's sub-commands",
    '',
    'The 96 sub-commands of mqadmin 5.5.0. "Server" says whether TernMQ answers every request that the sub-command sends, so that',
    "RocketMQ's own mqadmin can be pointed at it: the `mqadmin` suite of `npm run test:interop` compares what it prints with what it prints",
    'on RocketMQ. `ternmq mqadmin <sub-command>` takes the same flags and is answered by the verb that is named, on TernMQ and on RocketMQ',
    '(the `cli` suite); a flag stands for the option behind it, those in brackets are taken without effect, and `-n` names the NameServers',
    'everywhere. Verbs for what TernMQ has not say so, and why, when its broker is asked.',
    '',
    '| sub-command | server | verb | flags |',
    '|---|---|---|---|',
    ...Object.entries(mqadminNeeds).map(([name, needs]) => mqadminRow(name, needs, answered)),
    '',
  ].join('\n')
}

function stateOf(name: RequestCodeName, { brokerCodes, namesrvCodes }: Answered): string {
  const code = RequestCode[name]
  const by = [brokerCodes.includes(code) && 'broker', namesrvCodes.includes(code) && 'NameServer'].filter(
    (who) => who !== false,
  )
  const parts = [
    by.length > 0 && `answered by the ${by.join(' and the ')}`,
    toClients.includes(name) && 'sent to clients',
  ].filter((part) => part !== false)
  return parts.length > 0 ? parts.join(', ') : (unanswered[name] ?? 'not yet')
}

function mqadminRow(name: string, needs: readonly RequestCodeName[] | string, answered: Answered): string {
  const entry = answered.mqadmin.find((each) => each.name === name)
  const verb = entry ? `\`${entry.verb}\` | ${flagsText(entry)}` : ' | '
  return `| ${name} | ${serverText(needs, answered)} | ${verb} |`
}

function serverText(needs: readonly RequestCodeName[] | string, answered: Answered): string {
  if (typeof needs === 'string') return `not offered: ${needs}`
  const missing = needs.filter((each) => {
    const code = RequestCode[each]
    return !answered.brokerCodes.includes(code) && !answered.namesrvCodes.includes(code)
  })
  return missing.length === 0 ? 'yes' : `not yet: ${missing.join(', ')}`
}

/** `-t` topic, [`-u`] */
function flagsText({ flags }: MqadminEntry): string {
  return Object.entries(flags)
    .map(([names, option]) => {
      const flag = `\`${flagText(names.split(',')[0] ?? '')}\``
      return option === '' ? `[${flag}]` : `${flag} ${option}`
    })
    .join(', ')
}
