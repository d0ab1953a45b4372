// Transcripts of mqadmin, in the manner of a terminal:
//
//     > sorted eventually    how the next output is compared, see `modes`
//     $ topicList            a sub-command, and below it what it prints on the real RocketMQ
//     BenchmarkTest
//     = ternmq               what TernMQ prints, where that is something else
//     OtherTest
//
//     ! send orders 8        no sub-command: something the next ones need (runner/mqadmin.mjs)

/**
 * sorted      lines may come in any order
 * has         these lines come, in any order, and others may come too
 * keys        these settings are printed, whatever their values, and others may be too
 * eventually  asked again until it holds: it tells what the broker counts from time to time
 * endless     the sub-command goes on until it is stopped
 */
const modes = ['sorted', 'has', 'keys', 'eventually', 'endless']

/** What differs from run to run, or from machine to machine, and what stands for it. The order matters. */
const varying = [
  [/[\d.]+@[\w-]+(#\d+)?/g, 'CLIENT'],
  [/\d{1,3}(\.\d{1,3}){3}:\d{2,5}/g, 'ADDRESS'],
  [/\d{1,3}(\.\d{1,3}){3}/g, 'IP'],
  [/\b([0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{56})\b/g, 'ID'],
  [/\d{4}-\d\d-\d\d[ T#]\d\d:\d\d:\d\d([:,.]\d{3})?/g, 'TIME'],
  [/\b20\d{12,15}\b/g, 'TIME'],
  [/\b1[78]\d{11}\b/g, 'MILLIS'],
  [/\b(rt=|spentTimeMills=|OK, )\d+/g, '$1N'],
  [/\b\d+ms\b/g, 'Nms'],
  [/ true\s+\d+\s*$/gm, ' true N'],
  [/(MasterCommitLogMaxOffset\s+)\d+/g, '$1N'],
  [/\b(default \s*20000)(\s+\d+)+/g, '$1 N'],
  [/\bV5_5_\d\b/g, 'V5_5_N'],
  // what clients append to the text of every error
  [/See https:\S+ for further details\.|For more information, please visit the url, https:[\w./]+/g, ''],
  [/\b(commitLogOffset=|CommitLog Offset: |storeSize=|physicOffset=|physicSize=)\d+/g, '$1N'],
  [/\$\$Lambda\S+/g, 'LAMBDA'],
  [/@[0-9a-f]{6,8}\b/g, '@HASH'],
  [/\b\d+\.\d+(E-?\d+)?\b/g, 'N.N'],
  [/\bi\d+-\d+\b/g, 'INSTANCE'],
]

const stackFrame = /^at .+\(|^\.\.\. \d+ more$/

/** @returns the steps of a transcript, each `{ words, modes, rocketmq, ternmq }`, or `{ prepare: words }` */
export function parseTranscript(text) {
  const steps = []
  let [next, lines] = [[], []]
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) {
      lines = []
      steps.push({ words: line.slice(2).split(' '), modes: next, rocketmq: lines, ternmq: undefined })
      next = []
    } else if (line.startsWith('> ')) {
      next = line.slice(2).split(' ')
      const unknown = next.filter((mode) => !modes.includes(mode))
      if (unknown.length > 0) throw new Error(`unknown mode: ${unknown}`)
    } else if (line === '= ternmq') {
      lines = []
      steps.at(-1).ternmq = lines
    } else if (line.startsWith('! ')) steps.push({ prepare: line.slice(2).split(' ') })
    else if (line !== '') lines.push(line)
  }
  return steps
}

/** The opposite of parseTranscript. */
export function printTranscript(steps) {
  const blocks = steps.map((step) => {
    if (step.prepare) return `! ${step.prepare.join(' ')}`
    const head = step.modes.length > 0 ? [`> ${step.modes.join(' ')}`] : []
    const other = step.ternmq ? ['= ternmq', ...step.ternmq] : []
    return [...head, `$ ${step.words.join(' ')}`, ...step.rocketmq, ...other].join('\n')
  })
  return `${blocks.join('\n\n')}\n`
}

/**
 * Writes what a target printed into its step. TernMQ's is kept only where it is not RocketMQ's. What a target
 * must at least print is somebody's choice: it is written once and not changed here.
 */
export function record(step, kind, lines) {
  if (isPart(step)) {
    if (step.rocketmq.length === 0) step.rocketmq = lines
  } else if (kind === 'rocketmq') step.rocketmq = lines
  else step.ternmq = differences({ ...step, ternmq: undefined }, kind, lines).length > 0 ? lines : undefined
}

function isPart({ modes }) {
  return modes.includes('has') || modes.includes('keys')
}

/** Lines as they are compared: without what differs from run to run, blanks and stack frames. */
export function comparable(printed, names, stepModes) {
  let text = printed
  for (const [name, value] of Object.entries(names)) text = text.replaceAll(value, name)
  for (const [pattern, name] of varying) text = text.replace(pattern, name)
  const lines = text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '' && !stackFrame.test(line))
  if (stepModes.includes('keys')) return lines.map((line) => line.split(/ ?[:=] ?/)[0]).toSorted()
  return stepModes.some((mode) => mode === 'sorted' || mode === 'has') ? lines.toSorted() : lines
}

/** @returns what a reader has to know of the difference; empty: none */
export function differences(step, kind, lines) {
  const wanted = step[kind] ?? step.rocketmq
  const missing = wanted.filter((line) => !lines.includes(line)).map((line) => `- ${line}`)
  if (isPart(step)) return missing
  const besides = lines.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`)
  if (missing.length + besides.length > 0) return [...missing, ...besides]
  return wanted.join('\n') === lines.join('\n') ? [] : ['another order']
}
