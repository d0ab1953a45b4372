import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RequestCode, type RequestCodeName } from '#ternmq/protocol/request-code.ts'
import { testOfCode } from '#ternmq/server/code-tests.ts'
import { compatibilityDoc } from '#ternmq/server/compatibility-doc.ts'
import { answered } from './answered.ts'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

describe('docs/compatibility.md', () => {
  it('names a test for every code that is answered or sent, which speaks of it by name or number', async () => {
    const states = [...compatibilityDoc(await answered()).matchAll(/^\| \d+ \| (\w+) \| (.*?) \| .*\|$/gm)]
    const live = states.filter(([, , state]) => /answered by the|sent to clients/.test(state ?? ''))
    assert.ok(live.length > 100, `${live.length} codes`)
    for (const [, text = ''] of live) {
      const name = text as RequestCodeName
      const file = testOfCode.get(name)
      assert.ok(file !== undefined, `${name} has no test`)
      const code = new RegExp(`\\b${name}\\b|(?:ask\\(|code: )${RequestCode[name]}\\b`)
      assert.match(readFileSync(join(root, file), 'utf8'), code, `${file} says nothing of ${name}`)
    }
    const dead = [...testOfCode.keys()].filter((name) => !live.some(([, each]) => each === name))
    assert.deepEqual(dead, [])
  })
})
