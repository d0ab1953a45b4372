import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryDisk } from '../base/host/memory-disk.ts'
import { SeededRandom } from '../base/host/seeded-random.ts'
import { VirtualClock } from '../base/host/virtual-clock.ts'
import { AclTable } from './acl-table.ts'
import { UserAuthority } from './authority.ts'
import { decodeAcl } from './policy.ts'
import { parseResourcePattern } from './resource.ts'
import { SecretBox } from './secret-box.ts'
import { UserTable } from './user-table.ts'

const random = new SeededRandom(7)
const box = new SecretBox(random.bytes(32), random)

function acl(subject: string, ...resources: string[]) {
  const entries = resources.map((resource) => ({ resource, actions: ['Pub'], decision: 'Allow' }))
  return decodeAcl(Buffer.from(JSON.stringify({ policies: [{ entries }] })), subject)
}

describe('SecretBox', () => {
  it('gives back what was sealed, and nothing that was changed or is of another key', () => {
    const sealed = box.seal('пароль')
    assert.equal(box.open(sealed), 'пароль')
    assert.notEqual(box.seal('пароль'), sealed)
    const other = new SecretBox(random.bytes(32), random)
    const changed = sealed.slice(0, -4) + (sealed.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    for (const open of [
      () => other.open(sealed),
      () => box.open(changed),
      () => box.open('secret'),
      () => box.open(''),
    ])
      assert.throws(open, { kind: 'badBody' })
  })

  it('keeps its key in a file', () => {
    const disk = new MemoryDisk({ clock: new VirtualClock(0) })
    disk.mkdirSync('/auth')
    const sealed = SecretBox.open(disk, '/auth/secret.key', random).seal('s')
    assert.equal(SecretBox.open(disk, '/auth/secret.key', random).open(sealed), 's')
  })
})

describe('UserTable', () => {
  it('comes back from its file and its journal', () => {
    const users = new UserTable(box)
    users.create('before', { password: 'p0', userType: 'Super' })
    const file = users.encode()
    const journal: string[] = []
    users.onChange = (text) => journal.push(text)
    users.create('alice', { password: 'p1' })
    users.update('alice', { userStatus: 'disable' })
    users.create('bob', { password: 'p2' })
    users.delete('bob')
    users.update('before', { password: 'p3' })
    const again = new UserTable(box)
    again.load(file)
    for (const text of journal) again.replay(text)
    assert.deepEqual(again.list(), [
      { username: 'before', password: 'p3', userType: 'Super', userStatus: 'enable' },
      { username: 'alice', password: 'p1', userType: 'Normal', userStatus: 'disable' },
    ])
  })

  it('writes no password anywhere', () => {
    const users = new UserTable(box)
    const written: string[] = []
    users.onChange = (text) => written.push(text)
    users.create('alice', { password: 'open sesame' })
    users.update('alice', { password: 'open sesame 2' })
    assert.ok(!`${written.join()}${users.encode()}`.includes('sesame'))
  })

  it('refuses users that are there, are not there, or have no name or password', () => {
    const users = new UserTable(box)
    users.create('alice', { password: 'p' })
    assert.throws(() => users.create('alice', { password: 'p' }), { kind: 'noPermission' })
    assert.throws(() => users.create('bob', {}), { kind: 'noPermission' })
    assert.throws(() => users.update('bob', { password: 'p' }), { kind: 'noPermission' })
    for (const name of ['', 'a b', 'a\nb', 'x'.repeat(129)])
      assert.throws(() => users.create(name, { password: 'p' }), { kind: 'invalidParameter' })
  })
})

describe('AclTable', () => {
  it('adds, changes and deletes entries by resource, and comes back from file and journal', () => {
    const acls = new AclTable()
    acls.put(acl('User:alice', 'Topic:a'))
    const file = acls.encode()
    const journal: string[] = []
    acls.onChange = (text) => journal.push(text)
    acls.put(acl('User:alice', 'Topic:b', 'Topic:a'))
    acls.put(acl('User:bob', 'Group:g'))
    acls.delete('alice', 'Custom', parseResourcePattern('Topic:a'))
    acls.put(acl('User:carol', 'Group:g'))
    acls.delete('carol', 'Custom', undefined)
    const again = new AclTable()
    again.load(file)
    for (const text of journal) again.replay(text)
    assert.deepEqual(again.list(), acls.list())
    assert.deepEqual(again.list('bob').length, 1)
    assert.deepEqual(
      again.list('', 'Topic:b').map(({ subject }) => subject),
      ['User:alice'],
    )
    assert.equal(again.get('carol'), undefined)
  })

  it('goes with the last entry, and says when there was none', () => {
    const acls = new AclTable()
    acls.put(acl('User:alice', 'Topic:a'))
    acls.delete('alice', 'Custom', parseResourcePattern('Topic:a'))
    assert.equal(acls.get('alice'), undefined)
    assert.throws(() => acls.delete('alice', 'Custom', undefined), { kind: 'noPermission' })
    assert.throws(() => acls.put(acl('Role:r', 'Topic:a')), { kind: 'invalidParameter' })
  })
})

describe('UserAuthority', () => {
  it('lets super users do everything, others what policies say, and disabled ones nothing', () => {
    const users = new UserTable(box)
    const acls = new AclTable()
    const authority = new UserAuthority(users, acls, true)
    users.create('root', { password: 'p', userType: 'Super' })
    users.create('alice', { password: 'p' })
    const access = { resource: { type: 'Topic', name: 'a' }, anyOf: ['Pub'] } as const
    const may = (name: string): boolean => authority.principal(name)?.mayDo(access, '10.0.0.1') ?? false
    assert.deepEqual([may('root'), may('alice'), may('nobody')], [true, false, false])
    acls.put(acl('User:alice', 'Topic:a'))
    assert.equal(may('alice'), true)
    assert.equal(authority.principal('alice')?.refusal('10.0.0.1'), undefined)
    users.update('alice', { userStatus: 'disable' })
    assert.match(authority.principal('alice')?.refusal('10.0.0.1') ?? '', /disabled/)
  })
})
