import 'reflect-metadata'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  RpcException,
} from '@nestjs/microservices'
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs'
import type { Client } from '#ternmq/client/index.ts'
import { RocketClientProxy, RocketContext, RocketServer } from '#ternmq/nestjs/index.ts'
import { createTestBroker } from '#ternmq/testing/index.ts'
import { until } from './test-app.ts'

const events: unknown[] = []

@Controller()
class Desk {
  @MessagePattern('sum')
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, each) => total + each, 0)
  }

  @MessagePattern('stream')
  stream(): unknown {
    return of('first', 'last')
  }

  @MessagePattern('fail')
  fail(): never {
    throw new RpcException('as it happens')
  }

  @EventPattern('placed')
  placed(@Payload() order: unknown, @Ctx() context: unknown): void {
    assert(context instanceof RocketContext)
    events.push([order, context.deliveryCount])
    if (context.deliveryCount === 1) throw new RpcException('not now')
  }
}

@Module({ controllers: [Desk] })
class App {}

describe('RocketServer and RocketClientProxy', () => {
  it('carry requests, events and failures', async () => {
    await using broker = await createTestBroker({ topics: ['sum', 'stream', 'fail', 'placed'] })
    const connect = { namesrv: broker.namesrv }
    const strategy = new RocketServer({ connect, consumer: { group: 'desk', from: 'earliest' } })
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, { strategy, logger: false })
    await app.listen()
    assert.match(strategy.unwrap<Client>().clientId, /@/)
    const proxy = new RocketClientProxy({ connect, timeoutMs: 15_000 })
    assert.equal(await firstValueFrom(proxy.send('sum', [1, 2, 3])), 6)
    assert.deepEqual(await lastValueFrom(proxy.send('stream', {}).pipe(toArray())), ['last'])
    await assert.rejects(firstValueFrom(proxy.send('fail', {})), { message: 'as it happens' })

    await firstValueFrom(proxy.emit('placed', { id: 1 }))
    await until(() => events.length === 1)
    assert.deepEqual(events, [[{ id: 1 }, 1]])
    const [again] = await broker.waitFor('SCHEDULE_TOPIC_XXXX')
    assert.match(again?.text ?? '', /"id":1/)
    await assert.rejects(firstValueFrom(proxy.emit({ cmd: 'x' }, {})), /name of a topic/)
    await proxy.close()
    await app.close()
  })
})
