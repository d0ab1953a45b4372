import { type ErrorKind, MqError } from '../../base/errors.ts'
import { ClientError } from '../../client/index.ts'
import type { Verb } from '../verb.ts'

/** What to do next about failures that do not say so themselves. */
const hints: Readonly<Partial<Record<ErrorKind, string>>> = {
  topicNotExist: 'ternmq topic list shows all, topic create makes it',
  groupNotExist: 'ternmq group list shows all, group create makes it',
  consumerNotOnline:
    'start a consumer of the group, or look at what it has committed by ternmq group progress',
  storeLocked: 'stop that broker first: these verbs want nobody else at work in its folder',
  notWritable: 'look at the disk and the permissions of the broker by ternmq doctor',
}

/** What an operator can do about a failure, to be put behind its text; empty where that is plain. */
export function hintOf(error: unknown, { namesrv, verb }: { namesrv: string; verb: Verb }): string {
  if (!(error instanceof MqError)) return ''
  const hint = error instanceof ClientError ? hintText(error, { namesrv, verb }) : hints[error.kind]
  return hint === undefined ? '' : `\n  ${hint}`
}

function hintText(
  error: ClientError,
  { namesrv, verb }: { namesrv: string; verb: Verb },
): string | undefined {
  const { code, message } = error
  if (code === 'connectionLost' || code === 'timeout') return unreachableHint(message, namesrv)
  if (/can only be set at the start/.test(message))
    return "set it in the broker's file or by its flag, and start it again: docs/settings.md says what can be changed at run time"
  if (code === 'noPermission')
    return 'TERNMQ_ACCESS_KEY and TERNMQ_SECRET_KEY say who asks; ternmq acl list, asked by a super user, says who may what'
  const isRefused = error.responseCode !== undefined || code === 'topicNotExist'
  if (verb.needs !== undefined && isRefused) return verb.needs
  return hints[code] ?? (error.retriable ? 'it may succeed when tried again' : undefined)
}

/** Nobody answers: a NameServer that is named wrong, or a broker that told a NameServer an address of no use here. */
function unreachableHint(message: string, namesrv: string): string {
  if (namesrv.split(';').some((address) => message.includes(address)))
    return `is a NameServer started at ${namesrv}? -n, --context or NAMESRV_ADDR say where else; ternmq start starts one`
  return 'is that server started, and its address one that this machine reaches? brokerIP1 is what brokers tell clients; ternmq doctor looks at all'
}
