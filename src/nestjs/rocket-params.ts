import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common'
import type { RocketContext } from './rocket-context.ts'

/** What marks a parameter. Written out, since NestJS 11 and 12 name the type of theirs differently. */
export type ParamMark<Data> = (
  ...dataOrPipes: (Type<PipeTransform> | PipeTransform | Data)[]
) => ParameterDecorator

/** The payload of a message, or one property of it. */
export const Payload: ParamMark<string | undefined> = createParamDecorator(
  (property: string | undefined, host: ExecutionContext): unknown => {
    const payload: unknown = host.switchToRpc().getData()
    if (property === undefined) return payload
    return typeof payload === 'object' && payload !== null ? Reflect.get(payload, property) : undefined
  },
)

/** The `RocketContext` of a message. */
export const Ctx: ParamMark<unknown> = createParamDecorator(
  (_: unknown, host: ExecutionContext): RocketContext => contextOf(host),
)

/** The first key of a message. */
export const Key: ParamMark<unknown> = createParamDecorator(
  (_: unknown, host: ExecutionContext): string | undefined => {
    return contextOf(host).message.keys[0]
  },
)

/** The tag of a message. */
export const Tag: ParamMark<unknown> = createParamDecorator(
  (_: unknown, host: ExecutionContext): string | undefined => {
    return contextOf(host).message.tag
  },
)

/** A property of a message by its name. */
export const Header: ParamMark<string> = createParamDecorator(
  (name: string, host: ExecutionContext): string | undefined => {
    return contextOf(host).message.properties.get(name)
  },
)

function contextOf(host: ExecutionContext): RocketContext {
  return host.switchToRpc().getContext<RocketContext>()
}
