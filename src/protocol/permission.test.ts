import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  isInherited,
  isReadable,
  isValidPermission,
  isWritable,
  PERMISSION_DEFAULT,
  permissionText,
} from './permission.ts'

describe('Permission', () => {
  it('reads the bits of a perm', () => {
    assert.deepEqual([isReadable(4), isWritable(4), isInherited(4)], [true, false, false])
    assert.deepEqual([isReadable(3), isWritable(3), isInherited(3)], [false, true, true])
  })

  it('prints a perm as the tools do', () => {
    assert.equal(permissionText(PERMISSION_DEFAULT), 'RW-')
    assert.equal(permissionText(7), 'RWX')
    assert.equal(permissionText(0), '---')
  })

  it('refuses what is not made of the three bits', () => {
    assert.deepEqual([0, 7, 8, -1, 2.5].map(isValidPermission), [true, true, false, false, false])
  })
})
