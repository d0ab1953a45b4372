// Child processes of one run: each is known by its id, logs to a file, and is stopped by its id.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/** Time a process gets to stop by itself after SIGTERM before it is killed. */
const STOP_MS_MAX = 60_000

const alive = new Set()

/**
 * One started process. Everything it prints goes to its log file; `onLine` gets its standard output line by
 * line and opens its standard input for answers, `onOutput` gets all that it prints as it comes.
 */
export class Child {
  #process
  #log
  #ended = false

  constructor({ name, command, args, env = {}, cwd, logFile, onLine, onOutput }) {
    this.name = name
    this.logFile = logFile
    this.#log = createWriteStream(logFile, { flags: 'a' })
    this.#process = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [onLine ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    })
    this.#process.stderr.pipe(this.#log, { end: false })
    if (onLine) {
      createInterface({ input: this.#process.stdout }).on('line', (line) => {
        this.#log.write(`${line}\n`)
        onLine(line, this)
      })
      // A program that ended meanwhile reads no answer; its end is reported by `ended`.
      this.#process.stdin.on('error', (error) => this.#log.write(`stdin: ${error.message}\n`))
    } else {
      this.#process.stdout.pipe(this.#log, { end: false })
      if (onOutput)
        for (const stream of [this.#process.stdout, this.#process.stderr])
          stream.setEncoding('utf8').on('data', onOutput)
    }
    alive.add(this)
    this.ended = new Promise((resolve) => {
      const end = (how) => {
        this.#ended = true
        alive.delete(this)
        resolve(how)
      }
      this.#process.on('error', (error) => end(`could not start: ${error.message}`))
      this.#process.on('close', (code, signal) => end(signal ?? code))
    })
  }

  get pid() {
    return this.#process.pid
  }

  get hasEnded() {
    return this.#ended
  }

  answer(line) {
    this.#process.stdin.write(`${line}\n`)
  }

  kill(signal) {
    if (!this.#ended) this.#process.kill(signal)
  }

  /** Stops the process and waits until it is gone. */
  async stop(signal = 'SIGTERM') {
    if (this.#ended) return
    this.kill(signal)
    const force = setTimeout(() => this.kill('SIGKILL'), STOP_MS_MAX)
    await this.ended
    clearTimeout(force)
  }

  /** The end of the log, for a reader who wants to know why the process ended. */
  async tail(lineCount = 15) {
    const text = await readFile(this.logFile, 'utf8')
    return text.trimEnd().split('\n').slice(-lineCount).join('\n')
  }
}

/** Runs a command to its end. @returns its standard output @throws Error with the log's tail when it fails */
export async function runToEnd({ name, command, args, env, cwd, logFile, limitMs }) {
  const lines = []
  const child = new Child({ name, command, args, env, cwd, logFile, onLine: (line) => lines.push(line) })
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const how = await child.ended
  clearTimeout(limit)
  if (how !== 0) throw new Error(`${name} ended with ${how}\n${await child.tail()}`)
  return lines.join('\n')
}

/** Kills what is still running, at once: for the end of a run that is cut short. */
export async function killAll() {
  const children = [...alive]
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.map((child) => child.ended))
}
