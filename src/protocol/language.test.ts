import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isLanguageName, Language, languageName, languageNumber } from './language.ts'

describe('Language', () => {
  it('turns numbers into names and back', () => {
    for (const [name, number] of Object.entries(Language)) {
      assert.equal(languageName(number), name)
      assert.equal(languageNumber(name), number)
    }
  })

  it('takes what it does not know for OTHER', () => {
    assert.equal(languageName(77), 'OTHER')
    assert.equal(languageNumber('COBOL'), Language.OTHER)
    assert.equal(isLanguageName('constructor'), false)
  })
})
