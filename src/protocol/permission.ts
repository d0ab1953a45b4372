/** Bits of a topic's or broker's `perm`. */
export const Permission = {
  /** New topics may be made after this one (TBW102). */
  INHERIT: 1,
  WRITE: 2,
  READ: 4,
  PRIORITY: 8,
} as const

/** What an ordinary topic has. */
export const PERMISSION_DEFAULT = Permission.READ | Permission.WRITE

/** Whether messages may be sent. */
export function isWritable(perm: number): boolean {
  return (perm & Permission.WRITE) !== 0
}

/** Whether messages may be pulled. */
export function isReadable(perm: number): boolean {
  return (perm & Permission.READ) !== 0
}

/** Whether topics may be made after this one. */
export function isInherited(perm: number): boolean {
  return (perm & Permission.INHERIT) !== 0
}

/**
 * Whether a topic may be given this `perm`: RocketMQ's tools refuse the priority bit and all above
 * (PermName.isValid).
 */
export function isValidPermission(perm: number): boolean {
  return Number.isInteger(perm) && perm >= 0 && perm < Permission.PRIORITY
}

/** `perm` as tools print it: `RW-` for 6, `RWX` for 7. */
export function permissionText(perm: number): string {
  return `${isReadable(perm) ? 'R' : '-'}${isWritable(perm) ? 'W' : '-'}${isInherited(perm) ? 'X' : '-'}`
}
