/**
 * Releases as remoting headers count them: the ordinal in RocketMQ's MQVersion enum, where every release has
 * two entries, its snapshot (even) and itself (odd). Only those that somebody branches on have a name here.
 */
export const ClientVersion = {
  /** From here on clients send `maxReconsumeTimes` when they give a message back. */
  V3_4_9: 121,
  /** What every release of the Go client v2 says of itself. */
  V4_5_2: 317,
  /** From here on clients read strict JSON (`{"0":...}`) in a route. */
  V4_9_4: 401,
  /** From here on a compressed registration ends with its queue mappings. */
  V5_0_0: 413,
  /** Later clients understand GO_AWAY. */
  V5_3_1: 475,
  V5_3_3: 479,
  V5_5_1: 515,
} as const

/**
 * What TernMQ says of itself in headers, registrations and runtime info: consumers and tools gate features on
 * it.
 */
export const BROKER_VERSION = ClientVersion.V5_5_1

/** The first ordinals follow no rule: 3.0.0 had alphas and betas, some of them without a snapshot. */
const earliest = [
  'V3_0_0_SNAPSHOT',
  'V3_0_0_ALPHA1',
  'V3_0_0_BETA1',
  'V3_0_0_BETA2',
  'V3_0_0_BETA3',
  'V3_0_0_BETA4',
  'V3_0_0_BETA5',
  'V3_0_0_BETA6_SNAPSHOT',
  'V3_0_0_BETA6',
  'V3_0_0_BETA7_SNAPSHOT',
  'V3_0_0_BETA7',
  'V3_0_0_BETA8_SNAPSHOT',
  'V3_0_0_BETA8',
  'V3_0_0_BETA9_SNAPSHOT',
  'V3_0_0_BETA9',
  'V3_0_0_FINAL',
]

/**
 * Minor releases in order with their first and last patch: 3.3 to 3.9 begin at patch 1. Each patch takes two
 * ordinals.
 */
const minors = [
  { major: 3, minor: 0, first: 1, last: 15 },
  ...[1, 2].map((minor) => ({ major: 3, minor, first: 0, last: 9 })),
  ...[3, 4, 5, 6, 7, 8, 9].map((minor) => ({ major: 3, minor, first: 1, last: 9 })),
  ...[4, 5].flatMap((major) =>
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((minor) => ({ major, minor, first: 0, last: 9 })),
  ),
]

/**
 * The name of a version as mqadmin prints it: `V5_3_3`, `V5_3_3_SNAPSHOT`, or `HIGHER_VERSION` above all that
 * are listed.
 */
export function versionName(ordinal: number): string {
  const early = earliest[ordinal]
  if (early !== undefined) return early
  let rest = ordinal - earliest.length
  for (const { major, minor, first, last } of minors) {
    const ordinals = 2 * (last - first + 1)
    if (rest >= 0 && rest < ordinals) {
      const suffix = rest % 2 === 0 ? '_SNAPSHOT' : ''
      return `V${major}_${minor}_${first + Math.floor(rest / 2)}${suffix}`
    }
    rest -= ordinals
  }
  return 'HIGHER_VERSION'
}
