import { type AclTable, subjectOf, usernameOf } from '../../auth/acl-table.ts'
import type { Authority } from '../../auth/authority.ts'
import { aclJson, decodeAcl, parsePolicyType } from '../../auth/policy.ts'
import { parseResourcePattern } from '../../auth/resource.ts'
import { checkUsername, decodeUserChange, type UserChange, userInfoJson } from '../../auth/user.ts'
import type { UserTable } from '../../auth/user-table.ts'
import { MqError } from '../../base/errors.ts'
import { fastJsonBytes } from '../../protocol/fastjson-writer.ts'
import type { HandlerFamily, Request } from '../../protocol/request.ts'
import { RequestCode } from '../../protocol/request-code.ts'
import { ACCESS_KEY } from '../../protocol/signature.ts'

/** Users and policies, as the requests that manage them need them. */
export interface AuthAdminPort {
  readonly users: UserTable
  readonly acls: AclTable
  readonly authority: Authority
}

/** Users and policies of ACL 2.0, AUTH_CREATE_USER to AUTH_LIST_ACL (protocol/requests.md §7). No answer holds a password (R25). */
export function authAdminHandlers(port: AuthAdminPort): HandlerFamily {
  return { ...userHandlers(port), ...aclHandlers(port) }
}

function userHandlers({ users, acls, authority }: AuthAdminPort): HandlerFamily {
  const checkMayTouch = (request: Request, username: string, change: UserChange = {}): void => {
    const isAboutSuper = change.userType === 'Super' || users.get(username)?.userType === 'Super'
    if (isAboutSuper && !authority.principal(request.text(ACCESS_KEY))?.isSuper) {
      throw new MqError('noPermission', 'the super user can only be changed by a super user')
    }
  }
  return {
    [RequestCode.AUTH_CREATE_USER]: (request) => {
      const username = usernameField(request)
      const change = decodeUserChange(request.body)
      checkMayTouch(request, username, change)
      users.create(username, change)
      return {}
    },
    [RequestCode.AUTH_UPDATE_USER]: (request) => {
      const username = usernameField(request)
      const change = decodeUserChange(request.body)
      checkMayTouch(request, username, change)
      users.update(username, change)
      return {}
    },
    [RequestCode.AUTH_DELETE_USER]: (request) => {
      const username = usernameField(request)
      checkMayTouch(request, username)
      users.delete(username)
      acls.deleteUser(username)
      return {}
    },
    [RequestCode.AUTH_GET_USER]: (request) => {
      const user = users.get(usernameField(request))
      return user ? { body: fastJsonBytes(userInfoJson(user)) } : {}
    },
    [RequestCode.AUTH_LIST_USER]: (request) => {
      const found = users.list(request.optionalText('filter'))
      return found.length > 0 ? { body: fastJsonBytes(found.map(userInfoJson)) } : {}
    },
  }
}

function aclHandlers({ users, acls }: AuthAdminPort): HandlerFamily {
  const userOf = (subject: string): string => {
    const username = usernameOf(subject)
    if (users.get(username)) return username
    throw new MqError('noPermission', `the subject of ${subject.slice(0, 140)} is not exist`)
  }
  const put = (request: Request) => {
    const acl = decodeAcl(request.body, request.optionalText('subject') ?? '')
    acls.put({ subject: subjectOf(userOf(acl.subject)), policies: acl.policies })
    return {}
  }
  return {
    [RequestCode.AUTH_CREATE_ACL]: put,
    [RequestCode.AUTH_UPDATE_ACL]: put,
    [RequestCode.AUTH_DELETE_ACL]: (request) => {
      const resource = request.optionalText('resource')
      const type = parsePolicyType(request.optionalText('policyType'))
      acls.delete(
        userOf(request.text('subject')),
        type,
        resource ? parseResourcePattern(resource) : undefined,
      )
      return {}
    },
    [RequestCode.AUTH_GET_ACL]: (request) => {
      const username = userOf(request.text('subject'))
      const policies = acls.get(username)
      return policies ? { body: fastJsonBytes(aclJson({ subject: subjectOf(username), policies })) } : {}
    },
    [RequestCode.AUTH_LIST_ACL]: (request) => {
      const found = acls.list(request.optionalText('subjectFilter'), request.optionalText('resourceFilter'))
      return found.length > 0 ? { body: fastJsonBytes(found.map(aclJson)) } : {}
    },
  }
}

function usernameField(request: Request): string {
  const username = request.text('username')
  checkUsername(username)
  return username
}

/** What those requests are answered while nobody needs to sign in. */
export function withoutAuthHandlers(): HandlerFamily {
  const refuse = (): never => {
    throw new MqError('notSupported', 'there are no users: authenticationEnabled is off')
  }
  return Object.fromEntries(AUTH_CODES.map((code) => [code, refuse]))
}

const AUTH_CODES = [
  ...[RequestCode.AUTH_CREATE_USER, RequestCode.AUTH_UPDATE_USER, RequestCode.AUTH_DELETE_USER],
  ...[RequestCode.AUTH_GET_USER, RequestCode.AUTH_LIST_USER],
  ...[RequestCode.AUTH_CREATE_ACL, RequestCode.AUTH_UPDATE_ACL, RequestCode.AUTH_DELETE_ACL],
  ...[RequestCode.AUTH_GET_ACL, RequestCode.AUTH_LIST_ACL],
]
