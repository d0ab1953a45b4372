import type { PlainAccount } from '../../auth/plain-accounts.ts'
import { MqError } from '../../base/errors.ts'
import { type DataVersion, dataVersionJson } from '../../protocol/data-version.ts'
import { fastJsonBytes, writeFastJson } from '../../protocol/fastjson-writer.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'

/** What a request changes of an account. */
export type PlainAccountChange = { readonly [Name in keyof PlainAccount]?: PlainAccount[Name] | undefined }

/** The accounts of ACL 1.0, as the requests that manage them need them. */
export interface PlainAclPort {
  readonly version: DataVersion
  readonly accounts: readonly PlainAccount[]
  /** Makes an account, or changes what is given. @throws MqError badSetting */
  put(accessKey: string, change: PlainAccountChange): void
  /** @throws MqError notFound */
  delete(accessKey: string): void
}

/** Accounts of ACL 1.0, requests 50 to 54 of RocketMQ 4.4 to 5.3.2. No answer holds a secret key (R25). */
export function plainAclHandlers(
  acl: PlainAclPort,
  broker: { readonly brokerName: string; readonly clusterName: string; readonly brokerAddr: string },
): HandlerFamily {
  return {
    [RequestCode.UPDATE_AND_CREATE_ACL_CONFIG]: (request) => {
      acl.put(request.text('accessKey'), changeOf(request))
      return {}
    },
    [RequestCode.DELETE_ACL_CONFIG]: (request) => {
      acl.delete(request.text('accessKey'))
      return {}
    },
    [RequestCode.GET_BROKER_CLUSTER_ACL_INFO]: () => {
      const version = writeFastJson(dataVersionJson(acl.version))
      return { extFields: { ...broker, version, allAclFileVersion: `{"plain_acl.yml":${version}}` } }
    },
    [RequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG]: () => {
      throw new MqError(
        'notSupported',
        'no address is spared the signature: there are no global white addresses',
      )
    },
    [RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG]: () => ({
      body: fastJsonBytes({
        globalWhiteAddrs: [],
        plainAccessConfigs: acl.accounts.map(({ secretKey: _, topicPerms, groupPerms, ...account }) => ({
          ...account,
          topicPerms: [...topicPerms],
          groupPerms: [...groupPerms],
        })),
      }),
    }),
  }
}

function changeOf(request: Request): PlainAccountChange {
  const list = (name: string): string[] | undefined =>
    request
      .optionalText(name)
      ?.split(',')
      .filter((part) => part !== '')
  return {
    secretKey: request.optionalText('secretKey'),
    whiteRemoteAddress: request.optionalText('whiteRemoteAddress'),
    admin: request.optionalText('admin') === undefined ? undefined : request.boolean('admin'),
    defaultTopicPerm: request.optionalText('defaultTopicPerm'),
    defaultGroupPerm: request.optionalText('defaultGroupPerm'),
    topicPerms: list('topicPerms'),
    groupPerms: list('groupPerms'),
  }
}
