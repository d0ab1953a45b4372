import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { RocketContext } from './rocket-context.ts'

/** The payload of a message, or one property of it. */
export const Payload = createParamDecorator(
  (property: string | undefined, host: ExecutionContext): unknown => {
    const payload: unknown = host.switchToRpc().getData()
    if (property === undefined) return payload
    return typeof payload === 'object' && payload !== null ? Reflect.get(payload, property) : undefined
  },
)

/** The `RocketContext` of a message. */
export const Ctx = createParamDecorator(
  (_: unknown, host: ExecutionContext): RocketContext => contextOf(host),
)

/** The first key of a message. */
export const Key = createParamDecorator((_: unknown, host: ExecutionContext): string | undefined => {
  return contextOf(host).message.keys[0]
})

/** The tag of a message. */
export const Tag = createParamDecorator((_: unknown, host: ExecutionContext): string | undefined => {
  return contextOf(host).message.tag
})

/** A property of a message by its name. */
export const Header = createParamDecorator((name: string, host: ExecutionContext): string | undefined => {
  return contextOf(host).message.properties.get(name)
})

function contextOf(host: ExecutionContext): RocketContext {
  return host.switchToRpc().getContext<RocketContext>()
}
