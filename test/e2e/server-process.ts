import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The program as it is shipped. */
const main = fileURLToPath(new URL('dist/program/main.js', import.meta.resolve('ternmq/package.json')))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder of a test, removed at its end. */
export function testFolder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'ternmq-cli-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The built program in a process of its own; the end of the test kills it if it still runs. */
export class ServerProcess {
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess

  constructor(
    t: TestContext,
    args: readonly string[],
    options: { environment?: Record<string, string>; nodeArgs?: readonly string[] } = {},
  ) {
    const env = { PATH: process.env.PATH, ...options.environment }
    this.#child = spawn(process.execPath, [...(options.nodeArgs ?? []), main, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }))
    })
    t.after(() => this.#child.kill('SIGKILL'))
  }

  /** Waits for a log line with this text, and this field. @returns its fields @throws Error when the process ends before */
  async logged(text: string, field = 'msg'): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined =>
      this.stdout
        .split('\n')
        .slice(0, -1)
        .map((line): Record<string, unknown> => JSON.parse(line))
        .find((line) => line.msg === text && line[field] !== undefined)
    for (;;) {
      const found = find()
      if (found) return found
      const more = new Promise((resolve) => this.#child.stdout?.once('data', () => resolve(undefined)))
      const ended = await Promise.race([more, this.ended])
      if (ended) throw new Error(`the process has ended without "${text}": ${this.stdout}${this.stderr}`)
    }
  }

  stop(signal: 'SIGTERM' | 'SIGINT'): Promise<Ended> {
    this.#child.kill(signal)
    return this.ended
  }
}
