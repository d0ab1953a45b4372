// Writes the pages of docs/ that are printed from code; test/reference-docs.test.ts fails when they are stale.
import { writeFileSync } from 'node:fs'
import { compatibilityDoc } from '../dist/server/compatibility-doc.js'
import { errorsDoc, settingsDoc } from '../dist/server/reference-docs.js'
import { verbsDoc } from '../dist/server/verbs-doc.js'
import { answered } from '../dist/test/answered.js'

writeFileSync('docs/settings.md', settingsDoc())
writeFileSync('docs/errors.md', errorsDoc())
writeFileSync('docs/compatibility.md', compatibilityDoc(await answered()))
writeFileSync('docs/verbs.md', verbsDoc())
