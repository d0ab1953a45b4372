import { BROKER_VERSION, versionName } from '../protocol/client-version.ts'
import type { ConsumeMessageDirectlyResult } from '../protocol/consume-result.ts'
import type { ConsumerData } from '../protocol/heartbeat-data.ts'
import type { ClientInstance } from './client-instance.ts'
import type { ReceivedMessage } from './received-message.ts'

/** What an operator may know of a consumer, and ask of it, by way of a broker. */
export interface ConsumerInside {
  /** Its settings, by the names of Java's. */
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** What its handlers are at, a line each. */
  atWork(): string
  /** Has its handler work on one message; undefined where it has none. */
  consumeDirectly(message: ReceivedMessage): Promise<ConsumeMessageDirectlyResult> | undefined
}

/** Settings as tools read them: `PROP_` are those that RocketMQ's tools look for (ConsumerRunningInfo). */
export function runningProperties(
  { clientId, namesrv }: ClientInstance,
  { groupName, consumeType, messageModel, consumeFromWhere }: ConsumerData,
  { settings, startMs }: { settings: ConsumerInside['settings']; startMs: number },
): Map<string, string> {
  const { ordered = false, concurrency = 1, ...rest } = settings
  const [clientIP = '', instanceName = ''] = clientId.split('@')
  const properties = {
    PROP_CLIENT_VERSION: versionName(BROKER_VERSION),
    PROP_CONSUMEORDERLY: ordered,
    PROP_CONSUMER_START_TIMESTAMP: startMs,
    PROP_CONSUME_TYPE: consumeType,
    PROP_NAMESERVER_ADDR: namesrv.addresses.map((address) => `${address};`).join(''),
    PROP_THREADPOOL_CORE_SIZE: concurrency,
    ...{ clientIP, instanceName, consumerGroup: groupName, messageModel, consumeFromWhere },
    ...{ consumeThreadMin: concurrency, consumeThreadMax: concurrency },
    ...rest,
  }
  return new Map(Object.entries(properties).map(([name, value]) => [name, String(value)]))
}
