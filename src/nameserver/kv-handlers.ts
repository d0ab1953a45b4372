import { encodeKvTable } from '../protocol/kv-table.ts'
import type { HandlerFamily, Reply } from '../protocol/request.ts'
import { RequestCode } from '../protocol/request-code.ts'
import { ResponseCode } from '../protocol/response-code.ts'
import type { KvConfig } from './kv-config.ts'

/** Values by namespace and key, for administrators. */
export function kvHandlers(kv: Pick<KvConfig, 'get' | 'list' | 'put' | 'delete'>): HandlerFamily {
  return {
    [RequestCode.PUT_KV_CONFIG]: async (request) => {
      await kv.put(request.text('namespace'), request.text('key'), request.text('value'))
      return {}
    },
    [RequestCode.GET_KV_CONFIG]: (request) => {
      const [namespace, key] = [request.text('namespace'), request.text('key')]
      const value = kv.get(namespace, key)
      return value === undefined ? notFound(`Namespace: ${namespace} Key: ${key}`) : { extFields: { value } }
    },
    [RequestCode.DELETE_KV_CONFIG]: async (request) => {
      await kv.delete(request.text('namespace'), request.text('key'))
      return {}
    },
    [RequestCode.GET_KVLIST_BY_NAMESPACE]: (request) => {
      const namespace = request.text('namespace')
      const values = kv.list(namespace)
      return values ? { body: encodeKvTable(values) } : notFound(`Namespace: ${namespace}`)
    },
  }
}

/** The text of RocketMQ. */
function notFound(what: string): Reply {
  return { code: ResponseCode.QUERY_NOT_FOUND, remark: `No config item, ${what}` }
}
