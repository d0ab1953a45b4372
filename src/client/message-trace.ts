import { messageOf } from '../base/errors.ts'
import type { Timer } from '../base/host.ts'
import { SystemGroup, SystemTopic } from '../protocol/names.ts'
import { encodeTraceRecord, type TraceRecord } from '../protocol/trace-record.ts'
import { clientErrorOf } from './client-error.ts'
import type { ClientInstance } from './client-instance.ts'
import type { HandleInfo, Instrumentation, SendInfo, SendObserver, SendOutcome } from './instrumentation.ts'
import { MessagePreparer, PREPARE_DEFAULTS } from './prepared-message.ts'
import { Sender } from './sender.ts'
import { isThenable } from './thenable.ts'

/** How long records wait for others at most. */
const FLUSH_MS = 500

/** Records of one trace message, and those that are not sent yet at most: more are dropped, as in RocketMQ's client. */
const RECORDS_PER_MESSAGE = 100
const RECORDS_MAX = 2048

const TIMEOUT_MS = 5000

/** What a consumer says of how a handler went (ConsumeReturnType). */
const ContextCode = { SUCCESS: 0, EXCEPTION: 2 } as const

const REGION = 'DefaultRegion'

/**
 * RocketMQ's message trace: tells, by messages to the trace topic, what has become of each message, so that
 * dashboards and `mqadmin queryMsgTraceById` can show its way. A record that cannot be sent is lost.
 */
export class MessageTrace implements Instrumentation {
  readonly #instance: ClientInstance
  readonly #topic: string
  readonly #preparer: MessagePreparer
  readonly #sender: Sender
  #records: TraceRecord[] = []
  /** Records on their way. */
  #sendingCount = 0
  #timer: Timer | undefined

  constructor(instance: ClientInstance, topic: string = SystemTopic.TRACE) {
    this.#instance = instance
    this.#topic = topic
    this.#preparer = new MessagePreparer(instance.host.clock, instance.uniqueKeys, PREPARE_DEFAULTS)
    this.#sender = new Sender(instance, {
      ...{ group: SystemGroup.CLIENT_INNER_PRODUCER, retries: 1, isAvoidingSlow: true },
      ...{ countMax: 16, bytesMax: 4 * 1024 * 1024 },
    })
  }

  sending(info: SendInfo): SendObserver {
    const startMs = this.#instance.host.clock.nowMs()
    return { ended: (outcome) => this.#sent(info, outcome, startMs) }
  }

  handling({ message, group, context }: HandleInfo, run: () => unknown): unknown {
    const { clock, random } = this.#instance.host
    const startMs = clock.monoMs()
    const requestId = random.bytes(16).toString('hex').toUpperCase()
    const { messageId } = message
    const keys = message.keys.join(' ')
    const timeMs = clock.nowMs()
    const retryTimes = context.deliveryCount - 1
    this.#add({ kind: 'SubBefore', timeMs, region: REGION, group, requestId, messageId, retryTimes, keys })
    const ended = (isSuccess: boolean): void => {
      const contextCode = isSuccess ? ContextCode.SUCCESS : ContextCode.EXCEPTION
      const costMs = Math.round(clock.monoMs() - startMs)
      const what = { requestId, messageId, costMs, isSuccess, keys, contextCode }
      this.#add({ kind: 'SubAfter', ...what, timeMs: clock.nowMs(), group })
    }
    return watched(run, ended)
  }

  async close(): Promise<void> {
    this.#flush()
    await this.#sender.close()
  }

  #sent({ messages, group, kind, isOrdered }: SendInfo, outcome: SendOutcome, timeMs: number): void {
    const [first] = messages
    if (!first) return
    const { result, durationMs } = outcome
    const isDelayed = [first.delayLevel, first.delayMs, first.deliverAtMs].some(
      (delay) => delay !== undefined,
    )
    this.#add({
      kind: 'Pub',
      ...{ timeMs, region: REGION, group, topic: first.topic, messageId: result?.messageId ?? '' },
      ...{
        tags: first.tag ?? '',
        keys: keysOf(first.keys),
        storeHost: this.#hostOf(result?.queue.brokerName),
      },
      bodyBytes: messages.reduce((bytes, { body }) => bytes + Buffer.byteLength(body), 0),
      costMs: Math.round(durationMs),
      messageType: kind === 'half' ? 'half' : isDelayed ? 'delay' : isOrdered ? 'order' : 'normal',
      ...{ offsetMessageId: result?.offsetMessageId ?? '', isSuccess: result !== undefined },
    })
  }

  #hostOf(brokerName: string | undefined): string {
    return (brokerName === undefined ? undefined : this.#instance.routes.masterOf(brokerName)) ?? ''
  }

  #add(record: TraceRecord): void {
    if (this.#records.length + this.#sendingCount >= RECORDS_MAX) return
    this.#records.push(record)
    if (this.#records.length >= RECORDS_PER_MESSAGE) this.#flush()
    else this.#timer ??= this.#instance.host.clock.after(FLUSH_MS, () => this.#flush())
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let left = this.#records; left.length > 0; left = this.#records) {
      this.#records = left.slice(RECORDS_PER_MESSAGE)
      void this.#send(left.slice(0, RECORDS_PER_MESSAGE))
    }
  }

  async #send(records: readonly TraceRecord[]): Promise<void> {
    const keys = new Set(records.flatMap(({ messageId, ...rest }) => [messageId, ...wordsOf(rest)]))
    const body = records.map(encodeTraceRecord).join('')
    const order = { selector: undefined, timeoutMs: TIMEOUT_MS, signal: undefined }
    this.#sendingCount += records.length
    try {
      const message = { topic: this.#topic, body, keys: [...keys].filter((key) => key !== '') }
      await this.#sender.send(this.#preparer.one(message), order)
    } catch (error) {
      const fields = { records: records.length, error: messageOf(clientErrorOf(error)) }
      this.#instance.host.log.debug(fields, 'trace records are lost')
    } finally {
      this.#sendingCount -= records.length
    }
  }
}

function wordsOf(record: { readonly keys?: string }): string[] {
  return (record.keys ?? '').split(' ')
}

function keysOf(keys: string | readonly string[] | undefined): string {
  return typeof keys === 'string' ? keys : (keys ?? []).join(' ')
}

/** Runs a handler, and tells how it went; its result stays what it is. */
function watched(run: () => unknown, ended: (isSuccess: boolean) => void): unknown {
  let result: unknown
  try {
    result = run()
  } catch (error) {
    ended(false)
    throw error
  }
  if (isThenable(result)) {
    result.then(
      () => ended(true),
      () => ended(false),
    )
  } else ended(true)
  return result
}
