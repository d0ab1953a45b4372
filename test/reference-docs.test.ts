import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compatibilityDoc } from '#ternmq/server/compatibility-doc.ts'
import { errorsDoc, settingsDoc } from '#ternmq/server/reference-docs.ts'
import { answered } from './answered.ts'

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

const docs = join(findRoot(dirname(fileURLToPath(import.meta.url))), 'docs')

describe('docs that are printed from tables', () => {
  it('are those that the tables print now (npm run docs)', async () => {
    assert.equal(readFileSync(join(docs, 'settings.md'), 'utf8'), settingsDoc())
    assert.equal(readFileSync(join(docs, 'errors.md'), 'utf8'), errorsDoc())
    assert.equal(readFileSync(join(docs, 'compatibility.md'), 'utf8'), compatibilityDoc(await answered()))
  })
})
