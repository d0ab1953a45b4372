import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../../../test/fixtures/tls/', import.meta.url)

/** The text of a certificate or key for tests (test/fixtures/tls/README.md). */
export function testPem(name: string): string {
  return readFileSync(testPemPath(name), 'utf8')
}

export function testPemPath(name: string): string {
  return fileURLToPath(new URL(name, FOLDER))
}
