import type { Broker } from '../../broker/broker.ts'
import { GroupAdmin } from '../../broker/group-admin.ts'
import { pageOf } from '../../broker/metadata-page.ts'
import { encodeGroupForbidden } from '../../protocol/group-subscription.ts'
import type { HandlerFamily } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import {
  decodeSubscriptionGroupConfig,
  decodeSubscriptionGroupList,
  encodeSubscriptionGroupConfig,
  encodeSubscriptionGroupTable,
} from '../../protocol/subscription-group-config.ts'
import { pageRequestOf } from './page-request.ts'

/** Consumer groups as the admin tools see them (protocol/requests.md §7). */
export function groupHandlers(broker: Broker): HandlerFamily {
  const admin = new GroupAdmin(broker)
  return {
    [RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP]: ({ body }) => {
      admin.put([decodeSubscriptionGroupConfig(body)])
      return {}
    },
    [RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST]: ({ body }) => {
      admin.put(decodeSubscriptionGroupList(body))
      return {}
    },
    [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: (request) => {
      const { dataVersion, forbiddenTable, subscriptionGroupTable } = broker.groups.body
      const page = pageRequestOf(request, 'groupSeq', 'maxGroupNum')
      if (!page) return { body: encodeSubscriptionGroupTable(broker.groups.body) }
      const groups = pageOf(subscriptionGroupTable, dataVersion, page)
      const forbidden = new Map([...forbiddenTable].filter(([group]) => groups.has(group)))
      return {
        body: encodeSubscriptionGroupTable({
          subscriptionGroupTable: groups,
          forbiddenTable: forbidden,
          dataVersion,
        }),
        extFields: { totalGroupNum: String(subscriptionGroupTable.size) },
      }
    },
    [RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG]: (request) => ({
      body: encodeSubscriptionGroupConfig(admin.config(request.text('group'))),
    }),
    [RequestCode.DELETE_SUBSCRIPTIONGROUP]: (request) => {
      broker.deleteGroup(request.text('groupName'), request.boolean('cleanOffset'))
      return {}
    },
    [RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN]: (request) => {
      const [group, topic] = [request.text('group'), request.text('topic')]
      const wanted = request.optionalText('readable') === undefined ? undefined : request.boolean('readable')
      return { body: encodeGroupForbidden({ group, topic, readable: admin.readable(group, topic, wanted) }) }
    },
  }
}
