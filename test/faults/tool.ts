import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Programs that checks may need beside Node, and the Debian package that brings each. */
const packages = {
  'mkfs.ext4': 'e2fsprogs',
  mount: 'mount',
  umount: 'mount',
  perl: 'perl-base',
} as const

export type Tool = keyof typeof packages

/** What a suite cannot do without; `root` is a right, the others are programs. */
export type Need = Tool | 'root'

/** Folders of programs that are not always in the path of a user. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** What of this is not here, each with what would bring it. */
export function missingOf(needs: readonly Need[]): string[] {
  if (process.platform !== 'linux') return [`Linux (this is ${process.platform})`]
  return needs.flatMap((need) => {
    if (need === 'root') return process.getuid?.() === 0 ? [] : ['root']
    return pathOf(need) === undefined ? [`${need} (Debian package ${packages[need]})`] : []
  })
}

/** Where a program is; undefined when it is not installed. */
export function pathOf(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), ...MORE_FOLDERS].filter((each) => each !== '')
  return folders.map((folder) => join(folder, tool)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // not in this folder
  }
}
