// What a program sees beside its messages: types, traces, events, errors.
import assert from 'node:assert/strict'
import { subscribe } from 'node:diagnostics_channel'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { connect, json, openTelemetry, topic } from '../../../dist/client/index.js'
import { until } from './checks.mjs'
import { another, client, collect, deadLetters, namesrv, newTopic, producer } from './sdk-context.mjs'

export const watching = {
  async typed() {
    const price = {
      '~standard': {
        version: 1,
        vendor: 'sdk',
        validate: (value) =>
          typeof value?.cents === 'number' ? { value } : { issues: [{ message: 'cents are missing' }] },
      },
    }
    const prices = topic(await newTopic('sdk-typed', 1), json(price))
    const cents = []
    const consumer = client.consumer({ group: 'sdk-typed', topic: prices.name, from: 'earliest' })
    void consumer.run(prices.handler((value) => cents.push(value.cents)))
    await producer.send(prices.message({ cents: 7 }))
    await producer.send({ topic: prices.name, body: '{"euros":7}' })
    await until(() => cents.length === 1)
    assert.equal((await deadLetters('sdk-typed')).length, 1)
  },

  async trace() {
    const topic = await newTopic('sdk-trace', 1)
    const traced = await another({ trace: true })
    const { messageId } = await traced
      .producer({ group: 'sdk-traced' })
      .send({ topic, body: 'x', keys: 'traced' })
    const { seen } = collect({ group: 'sdk-trace', topic }, undefined, traced)
    await until(() => seen.length === 1)
    const records = []
    collect({ group: 'sdk-trace-reader', topic: 'RMQ_SYS_TRACE_TOPIC' }, ({ text }) => {
      records.push(...text.split('\u0002').filter((record) => record.includes(messageId)))
    })
    const kinds = () => new Set(records.map((record) => record.split('\u0001')[0]))
    await until(() => ['Pub', 'SubBefore', 'SubAfter'].every((kind) => kinds().has(kind)))
    await traced.close()
  },

  async watching() {
    const topic = await newTopic('sdk-watching', 1)
    const exporter = new InMemorySpanExporter()
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    api.trace.setGlobalTracerProvider(provider)
    api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const published = []
    const hear = (name) => (event) => published.push([name, event.error?.message])
    for (const name of ['ternmq:send', 'ternmq:handle']) subscribe(name, hear(name))
    const watched = await another({ instrumentation: [openTelemetry(api)] })
    const events = []
    for (const name of ['connected', 'rebalanced', 'failed']) watched.on(name, () => events.push(name))
    const { seen } = collect(
      { group: 'sdk-watching', topic },
      ({ text }, { deliveryCount }) => {
        if (text === 'fails' && deliveryCount === 1) throw new Error('not yet')
      },
      watched,
    )
    const sender = watched.producer({ group: 'sdk-watched' })
    await sender.send({ topic, body: 'x' })
    await sender.send({ topic, body: 'fails' })
    await until(() => seen.length === 2)
    const traceparents = seen.map(({ properties }) => properties.get('traceparent'))
    await watched.close()
    assert(
      traceparents.every((text) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(text ?? '')),
      String(traceparents),
    )
    const spans = exporter.getFinishedSpans()
    const traces = new Set(spans.map((span) => span.spanContext().traceId))
    for (const text of traceparents) assert(traces.has(text.split('-')[1]))
    assert(published.some(([name]) => name === 'ternmq:send'))
    assert(published.some(([name, error]) => name === 'ternmq:handle' && error === 'not yet'))
    assert.deepEqual(new Set(events), new Set(['connected', 'rebalanced', 'failed']))
  },

  async errors() {
    const topic = await newTopic('sdk-errors', 1)
    await assert.rejects(producer.send({ topic, body: Buffer.alloc(5 * 1024 * 1024) }), {
      name: 'ClientError',
      code: 'messageIllegal',
      retriable: false,
    })
    const small = client.producer({ group: 'sdk-errors', timeoutMs: 1 })
    const failure = await small
      .send({ topic: 'sdk-errors', body: Buffer.alloc(4 * 1024 * 1024, 'x') })
      .catch((error) => error)
    if (failure instanceof Error) assert.deepEqual([failure.code, failure.retriable], ['timeout', true])
    await assert.rejects(connect({ namesrv: '127.0.0.1:1' }), ({ code, retriable, cause }) => {
      assert.deepEqual([code, retriable], ['connectionLost', true])
      return cause instanceof Error
    })
    // one NameServer of several is enough, and names are as good as numbers
    const some = await connect({ namesrv: ['127.0.0.1:1', namesrv.replace('127.0.0.1', 'localhost')] })
    assert.equal((await some.producer({ group: 'sdk-some' }).send({ topic, body: 'x' })).status, 'SEND_OK')
    await some.close()
  },
}
