import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { testFolder } from './server-process.ts'
import { TestCli } from './test-cli.ts'

/** For each shell: words that are there when TAB is pressed at the end of a line, as the shell itself finds them. */
const shells: Readonly<Record<string, (script: string, line: string) => readonly string[]>> = {
  bash: (script, line) => {
    const words = line.split(' ')
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const call = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _ternmq; printf '%s\\n' "\${COMPREPLY[@]}"`
    return ['--norc', '-c', `source '${script}'; ${call}`]
  },
  // what zsh would show is caught where it is handed over
  zsh: (script, line) => {
    const words = line.split(' ')
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const stubs = `compdef() { :; }; _describe() { print -l -- "\${(@P)2}"; }; compadd() { print -l -- "$@"; }`
    return ['-f', '-c', `${stubs}; source '${script}'; words=(${quoted}); CURRENT=${words.length}; _ternmq`]
  },
  fish: (script, line) => ['--no-config', '-c', `source '${script}'; complete -C '${line}'`],
}

describe('ternmq completion', () => {
  for (const [shell, argsOf] of Object.entries(shells)) {
    const isThere = spawnSync(shell, ['-c', 'true']).status === 0
    it(`completes nouns, verbs, flags and values in ${shell}`, {
      skip: !isThere && `${shell} is not installed`,
    }, async (t) => {
      const script = join(testFolder(t), `ternmq.${shell}`)
      writeFileSync(script, (await new TestCli().run('completion', shell)).out)
      const after = (line: string): string[] => {
        const { stdout, stderr, status } = spawnSync(shell, [...argsOf(script, line)], { encoding: 'utf8' })
        assert.deepEqual([status, stderr], [0, ''], line)
        // descriptions stand behind a tab or a colon
        return stdout.split('\n').flatMap((each) => (each === '' ? [] : [each.split(/[\t:]/)[0] ?? '']))
      }
      const holds = (line: string, ...wanted: readonly string[]): void => {
        const offered = after(line)
        for (const word of wanted) assert(offered.includes(word), `${line}: ${word} of ${offered.join(' ')}`)
      }
      holds('ternmq ', 'topic', 'group', 'doctor')
      holds('ternmq topic ', 'create', 'list')
      assert(!after('ternmq topic ').includes('rescue'), 'verbs of other nouns')
      holds('ternmq topic create orders --', '--queues', '--json')
      holds('ternmq -n 127.0.0.1:9876 group ', 'progress')
      holds('ternmq dlq redrive billing --target ', 'retry', 'origin')
      holds('ternmq mqadmin ', 'updateTopic')
    })
  }
})
