/** A profile as V8 gives it. */
export interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples?: readonly number[] | undefined
  readonly timeDeltas?: readonly number[] | undefined
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[] | undefined
}

/** Whether a frame is neither the broker's nor of what works for it: the profiler itself. */
export function isProfiler({ functionName, url }: ProfileNode['callFrame']): boolean {
  return url === 'node:inspector' || (url === '' && functionName === 'dispatch')
}

/** One function with all that it calls, times in microseconds. */
export interface Flame {
  readonly name: string
  readonly url: string
  readonly us: number
  readonly callees: readonly Flame[]
}

/** The tree of a profile below the functions of the load, which are left out; what was idle too. */
export function flameOf({ nodes, samples = [], timeDeltas = [] }: Profile): Flame {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const selfUs = new Map<number, number>()
  for (const [index, id] of samples.entries())
    selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  const below = (parents: readonly ProfileNode[]): ProfileNode[] =>
    parents.flatMap(({ children = [] }) => children.flatMap((id) => byId.get(id) ?? []))
  /** Frames of one function beside each other are one. */
  const merge = (siblings: readonly ProfileNode[]): Flame[] => {
    const groups = new Map<string, ProfileNode[]>()
    for (const node of siblings) {
      const { functionName, url } = node.callFrame
      if (functionName === '(idle)' || functionName === '(program)' || isProfiler(node.callFrame)) continue
      const key = `${functionName} ${url}`
      groups.set(key, [...(groups.get(key) ?? []), node])
    }
    return [...groups.values()].flatMap((group) => {
      const [first] = group
      const callees = merge(below(group))
      if (!first || first.callFrame.url.includes('/bench/')) return callees
      const us =
        group.reduce((sum, { id }) => sum + (selfUs.get(id) ?? 0), 0) +
        callees.reduce((sum, callee) => sum + callee.us, 0)
      return us === 0
        ? []
        : [{ name: first.callFrame.functionName || '(anonymous)', url: first.callFrame.url, us, callees }]
    })
  }
  const callees = gather(merge(below(nodes.slice(0, 1))))
  return { name: 'all', url: '', us: callees.reduce((sum, { us }) => sum + us, 0), callees }
}

/** Functions that were left out have let their callees stand several times. */
function gather(flames: readonly Flame[]): Flame[] {
  const groups = new Map<string, Flame[]>()
  for (const flame of flames) {
    const key = `${flame.name} ${flame.url}`
    groups.set(key, [...(groups.get(key) ?? []), flame])
  }
  return [...groups.values()]
    .map((group) => ({
      name: group[0]?.name ?? '',
      url: group[0]?.url ?? '',
      us: group.reduce((sum, { us }) => sum + us, 0),
      callees: gather(group.flatMap(({ callees }) => callees)),
    }))
    .sort((a, b) => b.us - a.us)
}

const WIDTH = 1200
const ROW = 17
const CHAR = 6.6
/** Narrower frames are left out: nobody could read or point at them. */
const WIDTH_MIN = 1.5

/** An SVG with the callers at the bottom, as flame graphs have it; a frame says its share when pointed at. */
export function flameSvg(title: string, root: Flame): string {
  const depth = depthOf(root, root.us)
  const height = (depth + 1) * ROW + 24
  const frames: string[] = []
  const draw = (flame: Flame, x: number, level: number): void => {
    const width = (flame.us / root.us) * WIDTH
    if (width < WIDTH_MIN) return
    const y = height - (level + 1) * ROW
    const share = `${((flame.us / root.us) * 100).toFixed(1)} %`
    const place = flame.url.replace(/^.*\/dist\//, '').replace(/^node:internal\//, 'node:')
    const text = flame.name.slice(0, Math.floor((width - 4) / CHAR))
    frames.push(
      `<g><title>${xmlOf(`${flame.name}${place && ` ${place}`}: ${share}`)}</title>` +
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(flame)}"/>` +
        (text.length > 2 ? `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${xmlOf(text)}</text>` : '') +
        '</g>',
    )
    let at = x
    for (const callee of flame.callees) {
      draw(callee, at, level + 1)
      at += (callee.us / root.us) * WIDTH
    }
  }
  draw(root, 0, 0)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="4" y="14">${xmlOf(title)}</text>`,
    ...frames,
    '</svg>\n',
  ].join('\n')
}

function depthOf({ us, callees }: Flame, allUs: number): number {
  if ((us / allUs) * WIDTH < WIDTH_MIN) return 0
  return 1 + Math.max(0, ...callees.map((callee) => depthOf(callee, allUs)))
}

/** Ours by its floor, Node.js in grey. */
function colourOf({ name, url }: Flame): string {
  if (name === '(garbage collector)') return '#d98880'
  if (url.includes('/store/')) return '#f5b041'
  if (url.includes('/broker/')) return '#f7dc6f'
  if (url.includes('/protocol/')) return '#85c1e9'
  if (url.includes('/gateways/')) return '#82e0aa'
  if (url.includes('/remoting/')) return '#bb8fce'
  return '#d5d8dc'
}

function xmlOf(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
