import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type Producer, Retry } from '#ternmq/client/index.ts'
import {
  InjectProducer,
  Payload,
  RocketListener,
  RocketModule,
  RocketReply,
  Tag,
} from '#ternmq/nestjs/index.ts'
import { createTestBroker } from '#ternmq/testing/index.ts'
import { until } from './test-app.ts'

const shipped: unknown[] = []
const stock = { isOpen: true }

@Injectable()
export class Orders {
  constructor(@InjectProducer() producer: Producer) {
    this.producer = producer
  }

  readonly producer: Producer

  async place(id: string): Promise<void> {
    await this.producer.send({ topic: 'orders', body: JSON.stringify({ id }), tag: 'placed', keys: id })
  }

  @RocketListener({ topic: 'orders', group: 'shipping', filter: 'placed', ordered: true })
  async ship(@Payload('id') id: string, @Tag() tag: string): Promise<void> {
    if (!stock.isOpen) throw new Retry({ ms: 30_000 })
    shipped.push([id, tag])
  }

  @RocketReply({ topic: 'prices', group: 'prices' })
  price(@Payload() { id }: { id: string }): { cents: number } {
    return { cents: id.length * 100 }
  }
}

it('runs what docs/nestjs.md shows', async () => {
  await using broker = await createTestBroker({ topics: ['orders', 'prices'] })
  const { namesrv } = broker
  @Module({ imports: [RocketModule.forRoot({ namesrv })], providers: [Orders] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  const orders = app.get(Orders)
  await orders.place('a')
  await until(() => shipped.length === 1)
  assert.deepEqual(shipped, [['a', 'placed']])
  const reply = await orders.producer.request(
    { topic: 'prices', body: '{"id":"abc"}' },
    { timeoutMs: 10_000 },
  )
  assert.equal(reply.text, '{"cents":300}')
  await app.close()
})
