import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { openTelemetry } from './open-telemetry.ts'
import { TestCluster } from './test-cluster.ts'

const exporter = new InMemorySpanExporter()

function named(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name)
}

describe('openTelemetry', () => {
  before(() => {
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    api.trace.setGlobalTracerProvider(provider)
    api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  })

  after(() => {
    for (const part of [api.trace, api.propagation, api.context]) part.disable()
  })

  it('links sends and handlers through the messages', async () => {
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client({ instrumentation: [openTelemetry(api)] })
    const producer = client.producer({ group: 'p' })
    const { messageId } = await cluster.result(producer.send({ topic: 'orders', body: 'x' }))
    let calls = 0
    void client.consumer({ group: 'g', topic: 'orders', from: 'earliest' }).run(async ({ properties }) => {
      if (++calls === 1) assert.match(properties.get('traceparent') ?? '', /^00-/)
      await Promise.resolve()
      // a span of the program's own, inside the handler's
      api.trace.getTracer('shop').startSpan('ship').end()
      if (calls === 1) throw new Error('not now')
    })
    await cluster.until(() => calls === 2)
    await cluster.close()

    const [sent] = named('send orders')
    const [first, second] = named('process orders')
    const [inner] = named('ship')
    assert(sent && first && second && inner)
    assert.equal(sent.kind, api.SpanKind.PRODUCER)
    assert.deepEqual(
      [sent.attributes['messaging.message.id'], sent.attributes['messaging.rocketmq.client_group']],
      [messageId, 'p'],
    )
    assert.equal(first.kind, api.SpanKind.CONSUMER)
    assert.equal(first.parentSpanContext?.spanId, sent.spanContext().spanId)
    assert.equal(first.spanContext().traceId, sent.spanContext().traceId)
    assert.equal(inner.parentSpanContext?.spanId, first.spanContext().spanId)
    assert.deepEqual([first.status.code, first.status.message], [api.SpanStatusCode.ERROR, 'not now'])
    assert.equal(first.events[0]?.name, 'exception')
    assert.equal(second.status.code, api.SpanStatusCode.UNSET)
    assert.equal(first.attributes['messaging.consumer.group.name'], 'g')
  })

  it('ends the span of a send that fails, and of a handler that returns at once', async () => {
    exporter.reset()
    const cluster = await TestCluster.of('a')
    cluster.topic('orders', 1)
    const client = await cluster.client({ instrumentation: [openTelemetry(api)] })
    const producer = client.producer()
    await assert.rejects(cluster.result(producer.send({ topic: 'orders', body: '' })))
    await cluster.result(producer.sendBatch(['x', 'y'].map((body) => ({ topic: 'orders', body }))))
    let calls = 0
    void client.consumer({ group: 'g', topic: 'orders', from: 'earliest' }).run(() => {
      if (++calls === 1) throw new Error('at once')
    })
    await cluster.until(() => calls >= 2)
    await cluster.close()
    const [failed, batch] = named('send orders')
    assert.equal(failed?.status.code, api.SpanStatusCode.ERROR)
    assert.equal(batch?.attributes['messaging.batch.message_count'], 2)
    assert.deepEqual(
      named('process orders')
        .slice(0, 2)
        .map(({ status }) => status.code),
      [api.SpanStatusCode.ERROR, api.SpanStatusCode.UNSET],
    )
  })
})
