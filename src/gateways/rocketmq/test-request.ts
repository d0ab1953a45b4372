import type { Peer } from '../../protocol/request.ts'
import { type HandlerFamily, type Reply, Request } from '../../protocol/request.ts'

/** Asks a family of handlers as the dispatcher does. @throws what the handler throws */
export async function ask(
  family: HandlerFamily,
  code: number,
  parts: { fields?: Readonly<Record<string, string>>; body?: Buffer | string; peer?: Peer } = {},
): Promise<Reply> {
  const handler = family[code]
  if (!handler) throw new Error(`no handler of code ${code}`)
  const { body = '', fields = {}, peer = { id: 9, address: '127.0.0.1:50000' } } = parts
  const header = { code, language: 0, version: 479, opaque: 1, flag: 0, remark: undefined }
  return handler(new Request({ ...header, extFields: fields, body: Buffer.from(body) }, peer))
}

/** The body of a reply that has one. */
export function bodyOf(reply: Reply): Buffer {
  if (!reply.body) throw new Error(`a reply with code ${reply.code} has no body`)
  return reply.body
}
