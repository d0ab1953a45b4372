import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { map, type Observable } from 'rxjs'
import { type Client, type Producer, Reject, sql } from '#ternmq/client/index.ts'
import {
  Ctx,
  Header,
  InjectClient,
  InjectProducer,
  Key,
  Payload,
  producerToken,
  RocketContext,
  RocketListener,
  RocketModule,
  RocketReply,
  Tag,
} from '#ternmq/nestjs/index.ts'
import { createTestBroker } from '#ternmq/testing/index.ts'
import { startApp, until } from './test-app.ts'

interface Order {
  readonly id: number
}

const placed = (id: number, rest: object = {}) => ({ topic: 'orders', body: JSON.stringify({ id }), ...rest })

describe('@RocketListener', () => {
  it('has payload and parts of the message injected, and messages filtered', async () => {
    await using broker = await createTestBroker({
      topics: ['orders'],
      settings: { enablePropertyFilter: true },
    })
    const seen: unknown[] = []

    @Injectable()
    class Orders {
      readonly #producer: Producer

      constructor(@InjectProducer() producer: Producer) {
        this.#producer = producer
      }

      async place(id: number): Promise<void> {
        await this.#producer.send(placed(id, { tag: 'new', keys: `k${id}`, properties: { region: 'north' } }))
      }

      @RocketListener({ topic: 'orders', group: 'shop', from: 'earliest' })
      handle(
        @Payload() order: Order,
        @Payload('id') id: number,
        @Key() key: string,
        @Tag() tag: string,
        @Header('region') region: string,
        @Ctx() context: RocketContext,
      ): void {
        assert(context instanceof RocketContext)
        seen.push([order, id, key, tag, region, context.deliveryCount, context.message.topic])
      }

      @RocketListener({ topic: 'orders', group: 'big', from: 'earliest', filter: sql`region = ${'south'}` })
      big(): void {
        seen.push('wrong')
      }

      @RocketListener({ topic: 'orders', group: 'plain', from: 'earliest', filter: 'new || old' })
      plain(payload: unknown, context: unknown): void {
        assert(context instanceof RocketContext)
        seen.push(payload)
      }
    }

    const app = await startApp(broker, [Orders])
    await app.get(Orders).place(7)
    await until(() => seen.length === 2)
    await app.close()
    const handled = seen.find((one) => Array.isArray(one))
    assert.deepEqual(handled, [{ id: 7 }, 7, 'k7', 'new', 'north', 1, 'orders'])
    assert.deepEqual(
      seen.find((one) => !Array.isArray(one)),
      { id: 7 },
    )
  })

  it('delivers again what it throws for, and buries what is no payload or was rejected', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const counts: number[] = []

    @Injectable()
    class Orders {
      @RocketListener({ topic: 'orders', group: 'shop', from: 'earliest' })
      async handle({ id }: Order, { deliveryCount }: RocketContext): Promise<void> {
        if (id === 2) throw new Reject('unwanted')
        counts.push(deliveryCount)
        if (deliveryCount === 1) throw new Error('not now')
      }
    }

    const app = await startApp(broker, [Orders])
    const producer = app.get<Producer>(producerToken())
    await producer.send(placed(1))
    await producer.send(placed(2))
    await producer.send({ topic: 'orders', body: 'no JSON' })
    const buried = await broker.waitFor('%DLQ%shop', { count: 2 })
    assert.deepEqual(buried.map(({ text }) => text).sort(), ['no JSON', '{"id":2}'])
    await until(() => counts.length === 1)
    while (counts.length < 2) await broker.advance('5s')
    assert.deepEqual(counts, [1, 2])
    await app.close()
  })

  it('passes guards, interceptors, pipes and filters', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const seen: unknown[] = []

    @Injectable()
    class OnlyEven implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.switchToRpc().getData<Order>().id % 2 === 0
      }
    }

    @Injectable()
    class Noting implements NestInterceptor {
      intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
        seen.push('before')
        return next.handle().pipe(map((value) => seen.push(value)))
      }
    }

    class Twice implements PipeTransform {
      transform(value: Order, { type }: ArgumentMetadata): Order {
        assert.equal(type, 'custom')
        return { id: value.id * 2 }
      }
    }

    @Catch()
    class Swallow implements ExceptionFilter {
      catch(error: Error, host: ArgumentsHost): void {
        seen.push([host.getType(), error.message])
      }
    }

    @Injectable()
    class Orders {
      @UseGuards(OnlyEven)
      @UseInterceptors(Noting)
      @UseFilters(Swallow)
      @RocketListener({ topic: 'orders', group: 'shop', from: 'earliest', concurrency: 1 })
      handle(@Payload(new Twice()) { id }: Order): string {
        return `handled ${id}`
      }
    }

    const app = await startApp(broker, [Orders, OnlyEven, Noting])
    const producer = app.get<Producer>(producerToken())
    for (const id of [1, 4]) await producer.send(placed(id), { queueIndex: 0 })
    await until(() => seen.length === 3)
    assert.deepEqual(seen, [['rpc', 'Forbidden resource'], 'before', 'handled 8'])
    await app.close()
    assert.equal(broker.lag('shop', 'orders'), 0)
  })

  it('drains at shutdown: what is at work ends, and its message is not delivered again', async () => {
    await using broker = await createTestBroker({ topics: ['orders'] })
    const ended: number[] = []
    let begun = 0
    const gate = withResolvers()

    @Injectable()
    class Orders {
      isDown = false

      @RocketListener({ topic: 'orders', group: 'shop', from: 'earliest' })
      async handle({ id }: Order): Promise<void> {
        begun++
        await gate.promise
        assert(!this.isDown)
        ended.push(id)
      }

      onApplicationShutdown(): void {
        this.isDown = true
      }
    }

    const app = await startApp(broker, [Orders])
    await app.get<Producer>(producerToken()).send(placed(1))
    await until(() => begun === 1)
    const closing = app.close()
    setTimeout(() => gate.resolve(), 30)
    await closing
    assert.deepEqual(ended, [1])
    assert.equal(broker.lag('shop', 'orders'), 0)
  })

  it('does not start what could not work', async () => {
    await using broker = await createTestBroker()
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @RocketListener({ topic: 'orders', group: 'shop' })
      handle(): void {}
    }
    await assert.rejects(startApp(broker, [Scoped]), /request scope/)
    await assert.rejects(startApp(broker, [], { namesrv: '127.0.0.1:1' }), { code: 'connectionLost' })
  })
})

describe('@RocketReply', () => {
  it('answers those who ask, and takes the rest as it comes', async () => {
    await using broker = await createTestBroker({ topics: ['questions'] })
    const seen: number[] = []

    @Injectable()
    class Desk {
      @RocketReply({ topic: 'questions', group: 'desk', from: 'earliest' })
      answer(@Payload('id') id: number): object {
        seen.push(id)
        return { double: id * 2 }
      }
    }

    const app = await startApp(broker, [Desk])
    const producer = app.get<Producer>(producerToken())
    const reply = await producer.request({ topic: 'questions', body: '{"id":21}' }, { timeoutMs: 15_000 })
    assert.equal(reply.text, '{"double":42}')
    await producer.send({ topic: 'questions', body: '{"id":1}' })
    await until(() => seen.length === 2)
    await app.close()
  })
})

describe('RocketModule', () => {
  it('has several connections, with options from other providers', async () => {
    await using one = await createTestBroker({ topics: ['orders'] })
    await using two = await createTestBroker({ topics: ['orders'] })
    const seen: string[] = []

    @Injectable()
    class Settings {
      readonly namesrv = two.namesrv
    }

    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}

    @Injectable()
    class Bridge {
      readonly #second: Producer
      readonly #client: Client

      constructor(@InjectProducer('second') second: Producer, @InjectClient() client: Client) {
        this.#second = second
        this.#client = client
      }

      @RocketListener({ topic: 'orders', group: 'bridge', from: 'earliest' })
      async over(payload: unknown): Promise<void> {
        assert.equal((await this.#client.admin.queues('orders')).length, 4)
        await this.#second.send({ topic: 'orders', body: JSON.stringify(payload) })
      }

      @RocketListener({ topic: 'orders', group: 'end', connection: 'second', from: 'earliest' })
      arrived(payload: unknown): void {
        seen.push(JSON.stringify(payload))
      }
    }

    @Module({
      imports: [
        RocketModule.forRoot({ namesrv: one.namesrv, producer: { group: 'mine' } }),
        RocketModule.forRootAsync({
          name: 'second',
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: ({ namesrv }: Settings) => ({ namesrv }),
        }),
      ],
      providers: [Bridge],
    })
    class App {}

    const app = await NestFactory.createApplicationContext(App, { logger: false })
    const producer = app.get<Producer>(producerToken())
    assert.equal(producer.group, 'mine')
    await producer.send(placed(5))
    await until(() => seen.length === 1)
    assert.deepEqual(seen, ['{"id":5}'])
    await app.close()
  })
})

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
