import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

/** Names of the tests of a file, and of their groups. */
function titlesOf(file: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/\b(?:it|describe)\(\s*['"`](.*)/g)].map(([, title]) => title).join('\n')
}

describe('docs/reliability.md', () => {
  it('names tests that are there, with the issues in their names', () => {
    const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8')
    const rows = [...page.matchAll(/^\|[^|]*\| ([^|]*#\d[^|]*|CVE[^|]*) \| ([^|]*\.test\.ts) \|$/gm)]
    assert.ok(rows.length > 20, `${rows.length} rows`)
    for (const [, issues = '', file = ''] of rows) {
      const titles = titlesOf(file)
      for (const issue of issues.split(', ')) {
        assert.match(titles, new RegExp(`${issue}\\b`), `${issue} in ${file}`)
      }
    }
  })
})
