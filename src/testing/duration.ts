/** A time span: milliseconds, or a number with its unit (`250ms`, `10s`, `10m`, `2h`, `3d`). */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** @throws RangeError for what is no duration */
export function durationMs(duration: Duration): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(String(duration)) ?? []
  const ms = typeof duration === 'number' ? duration : Number(count) * (unitsMs[unit ?? ''] ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new RangeError(`a duration is a number of milliseconds or a text such as '10m', not '${duration}'`)
}
