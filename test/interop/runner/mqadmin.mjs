// The sub-commands of the official mqadmin, run one after the other against one target. mqadmin/*.txt say what
// each has to print.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { javaProgram, signedBy } from './java-program.mjs'
import { interopDir } from './places.mjs'
import { Child } from './processes.mjs'
import { withTarget } from './targets.mjs'
import * as transcript from './transcript.mjs'

const SUITE_MS_MAX = 900_000
const STEP_MS_MAX = 60_000
/** Time of a sub-command that does not end by itself; each further try has three times as much. */
const ENDLESS_MS = 3000
/**
 * How long until what is counted shows (RocketMQ samples every 10 s), or an offset is stored (RocketMQ holds a
 * pull for up to 20 s, and clients store offsets every 5 s).
 */
const COUNTED_MS = 45_000
/** How long a step is tried that may fail at first, on a machine that is slow. */
const TRIED_MS_MAX = 120_000

/**
 * A suite that runs the transcripts of one folder.
 * @param signer who signs what the tools ask, where the settings want that
 */
export function mqadminSuite({ folder, settings, signer }) {
  return async ({ name, dir, kind, lie, checks, report, record }) => {
    await withTarget({ kind, dir: join(dir, 'target'), settings, signer, lie }, async (target) => {
      const tools = new Tools({ dir, target, signer })
      const take = record
        ? (step) => recordStep({ step, tools, kind })
        : (step) => checkStep({ step, tools, suite: name, kind, report })
      const takeChosen = (step) => (isChosen(step, checks) ? take(step) : isNeeded(step) && tools.run(step))
      try {
        await tools.started
        for (const path of await transcriptsIn(folder)) {
          await runTranscript({ path, tools, take: takeChosen, record })
        }
      } finally {
        await tools.stop()
      }
    })
  }
}

async function transcriptsIn(folder) {
  const dir = join(interopDir, folder)
  const names = (await readdir(dir)).filter((name) => name.endsWith('.txt'))
  return names.sort().map((name) => join(dir, name))
}

/** @param record writes what the target printed, instead of comparing */
async function runTranscript({ path, tools, take, record }) {
  const steps = transcript.parseTranscript(await readFile(path, 'utf8'))
  for (const step of steps) await (step.prepare ? tools.prepare(step.prepare) : take(step))
  if (record) await writeFile(path, transcript.printTranscript(steps))
}

function isChosen({ words }, checks) {
  return checks.length === 0 || checks.includes(words[0])
}

/** What is asked stands on the sub-commands that change something. */
function isNeeded({ words }) {
  return /^(update|create|set)/.test(words[0])
}

async function recordStep({ step, tools, kind }) {
  if (step.modes.includes('eventually')) await sleep(COUNTED_MS)
  transcript.record(step, kind, await tools.run(step))
}

async function checkStep({ step, tools, suite, kind, report }) {
  const started = Date.now()
  const isTriedAgain = step.modes.some((mode) => mode === 'eventually' || mode === 'endless')
  const deadline = started + (isTriedAgain ? TRIED_MS_MAX : 0)
  let differing
  let tries = 0
  do {
    differing = transcript.differences(step, kind, await tools.run(step, tries++))
  } while (differing.length > 0 && Date.now() < deadline)
  const check = step.words.join(' ')
  if (differing.length === 0) report.ok(suite, check, Date.now() - started)
  else report.notOk(suite, check, differing.join(' | '))
}

/** The Java program that runs the sub-commands (interop.Tools), and what its transcripts call by names. */
class Tools {
  #child
  #dir
  #names
  #answered

  constructor({ dir, target, signer }) {
    this.#dir = dir
    this.#names = { BROKER: target.broker, NAMESRV: target.namesrv, DIR: dir }
    this.started = this.#answer()
    this.#child = new Child({
      ...javaProgram({
        ...{ module: 'client5', serialization: 'JSON', program: 'tools', dir, target },
        properties: [`-Djava.io.tmpdir=${dir}`, ...(signer ? signedBy(signer) : [])],
      }),
      name: 'tools',
      logFile: join(dir, 'client.log'),
      onLine: (line) => line.startsWith('@') && this.#answered.resolve(line),
    })
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), SUITE_MS_MAX)
    this.#child.ended.then((how) => {
      clearTimeout(limit)
      this.#answered.reject(new Error(`the tools program ended with ${how}`))
    })
  }

  /** @returns what the sub-command printed, in comparable lines */
  async run({ words, modes }, tries = 0) {
    const limitMs = modes.includes('endless') ? ENDLESS_MS * 3 ** tries : STEP_MS_MAX
    const line = await this.#ask(['mqadmin', limitMs, ...words.map((word) => this.#valueOf(word))])
    const printed = Buffer.from(line.slice('@output '.length), 'base64').toString()
    return transcript.comparable(printed, this.#names, modes)
  }

  /** What a sub-command needs: a file, stored messages, a live consumer. */
  async prepare(words) {
    if (words[0] === 'file') return writeFile(join(this.#dir, words[1]), words.slice(2).join(' '))
    const line = await this.#ask(words)
    for (const fact of line.split(' ').slice(1)) {
      const [name, value] = fact.split('=')
      this.#names[name] = value
    }
  }

  stop() {
    return this.#child.stop('SIGKILL')
  }

  #valueOf(word) {
    return word.replace(/[A-Z_]{3,}/g, (name) => this.#names[name] ?? name)
  }

  #ask(words) {
    const answer = this.#answer()
    this.#child.answer(words.join('\t'))
    return answer
  }

  #answer() {
    return new Promise((resolve, reject) => {
      this.#answered = { resolve, reject }
    })
  }
}
