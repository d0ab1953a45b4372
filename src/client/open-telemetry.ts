import type { HandleInfo, Instrumentation, SendInfo, SendObserver } from './instrumentation.ts'
import { isThenable } from './thenable.ts'

/** A span, as far as it is used. */
interface Span {
  setAttribute(name: string, value: string | number): unknown
  recordException(error: Error): void
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

interface SpanOptions {
  readonly kind: number
  readonly attributes: Readonly<Record<string, string | number>>
}

/** What is used of `@opentelemetry/api`, which the program imports and hands in: this floor imports no package. */
export interface OpenTelemetryApi<Context> {
  readonly trace: {
    getTracer(name: string): { startSpan(name: string, options: SpanOptions, context?: Context): Span }
    // the API's own span has methods that are not used here
    setSpan(context: Context, span: never): Context
  }
  readonly context: {
    active(): Context
    with<Result>(context: Context, run: () => Result): Result
  }
  readonly propagation: {
    inject(context: Context, carrier: Record<string, string>): void
    extract(context: Context, carrier: Readonly<Record<string, string>>): Context
  }
}

/** SpanKind and SpanStatusCode of the API, which are numbers there. */
const SpanKind = { PRODUCER: 3, CONSUMER: 4 } as const
const STATUS_ERROR = 2

/**
 * Spans for sends and handlers by the semantic conventions for messaging; the context travels in the messages'
 * properties (W3C `traceparent`, `tracestate`, `baggage`), by whatever propagator is set up.
 */
export function openTelemetry<Context>(api: OpenTelemetryApi<Context>): Instrumentation {
  const tracer = api.trace.getTracer('ternmq')
  return {
    sending: (info) => sending(api, tracer, info),
    handling: (info, run) => handling(api, tracer, info, run),
  }
}

type Tracer = ReturnType<OpenTelemetryApi<unknown>['trace']['getTracer']>

function sending<Context>(api: OpenTelemetryApi<Context>, tracer: Tracer, info: SendInfo): SendObserver {
  const { messages, group, kind } = info
  const topic = messages[0]?.topic ?? ''
  const attributes = {
    'messaging.system': 'rocketmq',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': topic,
    'messaging.rocketmq.client_group': group,
    ...(kind === 'batch' && { 'messaging.batch.message_count': messages.length }),
  }
  const span = tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes })
  const properties: Record<string, string> = {}
  api.propagation.inject(api.trace.setSpan(api.context.active(), span as never), properties)
  return {
    properties,
    ended: ({ result, error }) => {
      if (result) span.setAttribute('messaging.message.id', result.messageId)
      end(span, error)
    },
  }
}

function handling<Context>(
  api: OpenTelemetryApi<Context>,
  tracer: Tracer,
  { message, context, group }: HandleInfo,
  run: () => unknown,
): unknown {
  const { topic, messageId } = message
  const parent = api.propagation.extract(api.context.active(), Object.fromEntries(message.properties))
  const attributes = {
    'messaging.system': 'rocketmq',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.consumer.group.name': group,
    'messaging.message.id': messageId,
    'messaging.rocketmq.message.delivery_count': context.deliveryCount,
  }
  // a tracer of the API takes its own kind of context
  const start = tracer.startSpan as (name: string, options: SpanOptions, context: Context) => Span
  const span = start.call(tracer, `process ${topic}`, { kind: SpanKind.CONSUMER, attributes }, parent)
  return api.context.with(api.trace.setSpan(parent, span as never), () => watched(span, run))
}

function watched(span: Span, run: () => unknown): unknown {
  let result: unknown
  try {
    result = run()
  } catch (error) {
    end(span, error)
    throw error
  }
  if (!isThenable(result)) {
    end(span, undefined)
    return result
  }
  return Promise.resolve(result).then(
    (value) => {
      end(span, undefined)
      return value
    },
    (error: unknown) => {
      end(span, error)
      throw error
    },
  )
}

function end(span: Span, error: unknown): void {
  if (error !== undefined) {
    const failure = error instanceof Error ? error : new Error(String(error))
    span.recordException(failure)
    span.setStatus({ code: STATUS_ERROR, message: failure.message })
  }
  span.end()
}
