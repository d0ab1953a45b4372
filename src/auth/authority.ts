import type { AclTable } from './acl-table.ts'
import { type Access, isAllowed } from './policy.ts'
import type { User } from './user.ts'
import type { UserTable } from './user-table.ts'

/** Somebody whose signature can be checked. */
export interface Principal {
  readonly name: string
  readonly secret: string
  /** Whether he may do everything: also give rights to others. */
  readonly isSuper: boolean
  /** Whether he may do this from there. */
  mayDo(access: Access, sourceIp: string): boolean
  /** Why he may not sign requests from there at all; undefined when he may. */
  refusal(sourceIp: string): string | undefined
}

/** Who may sign requests, and what they may do. Doors ask it for every request. */
export interface Authority {
  /** Whoever has this access key. */
  principal(accessKey: string): Principal | undefined
}

/** Users and policies (RocketMQ's ACL 2.0). */
export class UserAuthority implements Authority {
  readonly #users: UserTable
  readonly #acls: AclTable
  readonly #isAuthorizing: boolean
  /** A user who changes is another object. */
  readonly #principals = new WeakMap<User, Principal>()

  /** @param isAuthorizing whether policies decide; otherwise every user may do everything */
  constructor(users: UserTable, acls: AclTable, isAuthorizing: boolean) {
    this.#users = users
    this.#acls = acls
    this.#isAuthorizing = isAuthorizing
  }

  principal(accessKey: string): Principal | undefined {
    const user = this.#users.get(accessKey)
    if (!user) return undefined
    const known = this.#principals.get(user)
    if (known) return known
    const principal = new UserPrincipal(user, this.#isAuthorizing ? this.#acls : undefined)
    this.#principals.set(user, principal)
    return principal
  }
}

class UserPrincipal implements Principal {
  readonly #user: User
  readonly #acls: AclTable | undefined

  constructor(user: User, acls: AclTable | undefined) {
    this.#user = user
    this.#acls = acls
  }

  get name(): string {
    return this.#user.username
  }

  get secret(): string {
    return this.#user.password
  }

  get isSuper(): boolean {
    return this.#user.userType === 'Super'
  }

  mayDo(access: Access, sourceIp: string): boolean {
    if (this.isSuper || !this.#acls) return true
    const policies = this.#acls.get(this.name)
    return policies !== undefined && isAllowed(policies, access, sourceIp)
  }

  refusal(): string | undefined {
    return this.#user.userStatus === 'disable' ? `User:${this.name} is disabled` : undefined
  }
}

/** The first of several that knows an access key decides. */
export class Authorities implements Authority {
  readonly #authorities: readonly Authority[]

  constructor(authorities: readonly Authority[]) {
    this.#authorities = authorities
  }

  principal(accessKey: string): Principal | undefined {
    for (const authority of this.#authorities) {
      const principal = authority.principal(accessKey)
      if (principal) return principal
    }
    return undefined
  }
}
