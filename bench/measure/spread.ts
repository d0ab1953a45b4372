/** Several readings of one thing. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** Median and extremes of the readings that are numbers; undefined if there are none. */
export function spreadOf(readings: readonly (number | undefined | null)[]): Spread | undefined {
  const sorted = readings
    .filter((reading): reading is number => typeof reading === 'number' && Number.isFinite(reading))
    .sort((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (min === undefined || max === undefined || below === undefined || above === undefined) return undefined
  return { median: (below + above) / 2, min, max, count: sorted.length }
}

/** `12.3 (11.8..12.9)`, `12.3` for a single reading, `-` for none; `digits` after the point below 1,000. */
export function formatSpread(spread: Spread | undefined, digits: number): string {
  if (!spread) return '-'
  const median = formatNumber(spread.median, digits)
  if (spread.count === 1) return median
  return `${median} (${formatNumber(spread.min, digits)}..${formatNumber(spread.max, digits)})`
}

function formatNumber(value: number, digits: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(digits)
}
