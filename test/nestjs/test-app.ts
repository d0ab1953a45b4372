import 'reflect-metadata'
import { type INestApplicationContext, Module, type Provider } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { RocketModule, type RocketOptions } from '#ternmq/nestjs/index.ts'
import type { TestBroker } from '#ternmq/testing/index.ts'

/** An application with these providers and a connection to a test broker. */
export async function startApp(
  broker: TestBroker,
  providers: Provider[],
  options: Partial<RocketOptions> = {},
): Promise<INestApplicationContext> {
  const { namesrv } = broker
  @Module({ imports: [RocketModule.forRoot({ namesrv, ...options })], providers })
  class App {}
  return NestFactory.createApplicationContext(App, { logger: false, abortOnError: false })
}

/** Waits until it is so. */
export async function until(isSo: () => boolean, withinMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`it did not come: ${isSo.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}
