import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

/** What a published face exports: the name, and the file that it is declared in. */
function exportsOf(face: string): { name: string; file: string }[] {
  const text = readFileSync(join(root, face), 'utf8')
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap(
    ([, names = '', from = '']) =>
      names
        .split(',')
        .map((name) => name.replace(/^\s*type\s+/, '').trim())
        .filter((name) => name !== '')
        .map((name) => ({ name, file: join(dirname(face), from) })),
  )
}

/** Whether the text declares the name right behind a comment of TSDoc, decorators and words to Biome apart. */
function isDocumented(text: string, name: string): boolean {
  const declaration = new RegExp(
    `^export (?:abstract )?(?:async )?(?:class|interface|type|const|function\\*?) ${name}\\b`,
    'm',
  )
  const lines = text
    .slice(0, declaration.exec(text)?.index ?? 0)
    .split('\n')
    .slice(0, -1)
  return lines.findLast((line) => !/^(@|\/\/)/.test(line))?.endsWith('*/') === true
}

describe('the published faces', () => {
  for (const face of ['client', 'testing', 'nestjs']) {
    it(`of ternmq/${face} say of each export what it is`, () => {
      const all = exportsOf(`src/${face}/index.ts`)
      assert.ok(all.length > 3, `${all.length} exports`)
      const bare = all.filter(({ name, file }) => !isDocumented(readFileSync(join(root, file), 'utf8'), name))
      assert.deepEqual(
        bare.map(({ name, file }) => `${file}: ${name}`),
        [],
      )
    })
  }
})
