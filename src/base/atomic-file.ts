import { errnoOf, MqError, messageOf } from './errors.ts'
import type { Disk, File } from './host.ts'

/**
 * Replaces the content of a small file so that a crash at any point leaves the old or the new one whole: the new content is
 * made durable under another name first, and the old one stays beside it as `.bak` (rule R11).
 */
export async function replaceFile(disk: Disk, path: string, content: Buffer): Promise<void> {
  const file = openTemporary(disk, path, content)
  try {
    await file.datasync()
  } finally {
    file.closeSync()
  }
  await disk.syncDir(putInPlace(disk, path))
}

/** As `replaceFile`, on the event loop: for start and stop. */
export function replaceFileSync(disk: Disk, path: string, content: Buffer): void {
  const file = openTemporary(disk, path, content)
  try {
    file.datasyncSync()
  } finally {
    file.closeSync()
  }
  disk.syncDirSync(putInPlace(disk, path))
}

/**
 * The newest generation of a file that `accept` understands: the file itself, else its `.bak`.
 * @param accept throws when the content is not whole
 * @returns undefined when there is neither
 * @throws MqError storeUnreadable that names the file and what `accept` threw for the newest, when neither is understood
 */
export function readNewest<Value>(
  disk: Disk,
  path: string,
  accept: (content: Buffer) => Value,
): { value: Value; isBackup: boolean } | undefined {
  let failure: unknown
  for (const name of [path, backupOf(path)]) {
    const content = readFile(disk, name)
    if (content === undefined) continue
    try {
      return { value: accept(content), isBackup: name !== path }
    } catch (error) {
      failure ??= error
    }
  }
  if (failure !== undefined) {
    throw new MqError('storeUnreadable', `${path} cannot be read: ${messageOf(failure)}`, { cause: failure })
  }
  return undefined
}

/** The whole content of a file; undefined when there is none. */
export function readFile(disk: Disk, path: string): Buffer | undefined {
  let file: File
  try {
    file = disk.openSync(path, 'read')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const content = Buffer.alloc(file.sizeSync())
    return content.subarray(0, file.readSync(content, 0))
  } finally {
    file.closeSync()
  }
}

function backupOf(path: string): string {
  return `${path}.bak`
}

function temporaryOf(path: string): string {
  return `${path}.tmp`
}

function openTemporary(disk: Disk, path: string, content: Buffer): File {
  const file = disk.openSync(temporaryOf(path), 'create')
  try {
    file.truncateSync(0)
    let done = 0
    while (done < content.length) done += file.writeSync([content.subarray(done)], done)
    return file
  } catch (error) {
    file.closeSync()
    throw error
  }
}

/** @returns the directory, which is to be synced */
function putInPlace(disk: Disk, path: string): string {
  if (disk.statSync(path)) disk.renameSync(path, backupOf(path))
  disk.renameSync(temporaryOf(path), path)
  return path.slice(0, path.lastIndexOf('/'))
}
