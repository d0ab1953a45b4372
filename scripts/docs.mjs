// Writes docs/settings.md and docs/errors.md from the tables in code; test/reference-docs.test.ts fails when they are stale.
import { writeFileSync } from 'node:fs'
import { errorsDoc, settingsDoc } from '../dist/server/reference-docs.js'

writeFileSync('docs/settings.md', settingsDoc())
writeFileSync('docs/errors.md', errorsDoc())
