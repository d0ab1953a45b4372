const TEXTS: Readonly<Record<string, string>> = {
  EBADF: 'bad file descriptor',
  ECONNRESET: 'connection reset by peer',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
}

/**
 * An error as Node throws it for a failed system call, for the simulated disk and network: `errnoOf` reads
 * its code.
 */
export function errnoError(code: string, syscall: string, subject: string): Error {
  const error = new Error(`${code}: ${TEXTS[code] ?? 'simulated failure'}, ${syscall} '${subject}'`)
  return Object.assign(error, { code, syscall })
}
