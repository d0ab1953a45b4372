import { errnoError } from './errno-error.ts'
import { PageImage } from './page-image.ts'

/** A file of a simulated disk: it lives while a name or an open handle refers to it. */
export class FileNode {
  readonly image: PageImage
  modifiedMs: number
  nameCount = 0
  openCount = 0

  constructor(modifiedMs: number, image = new PageImage()) {
    this.modifiedMs = modifiedMs
    this.image = image
  }
}

/** A directory of a simulated disk. */
export class DirectoryNode {
  readonly names = new Map<string, TreeNode>()
}

export type TreeNode = FileNode | DirectoryNode

/** Where a name stands: `directory` exists, `node` is what has the name now. */
export interface Place {
  readonly directory: DirectoryNode
  readonly name: string
  readonly node: TreeNode | undefined
}

/** The names of a simulated disk, from one root. Errors are those of Linux. */
export class FileTree {
  readonly root: DirectoryNode

  constructor(root = new DirectoryNode()) {
    this.root = root
  }

  /** @throws ENOTDIR when a file stands where the path needs a directory */
  find(path: string, syscall: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    for (const name of namesOf(path)) {
      if (node instanceof FileNode) throw errnoError('ENOTDIR', syscall, path)
      node = node?.names.get(name)
    }
    return node
  }

  /** @throws ENOENT or ENOTDIR when the directory is not there, EINVAL for the root */
  place(path: string, syscall: string): Place {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw errnoError('EINVAL', syscall, path)
    const directory = this.find(names.join('/'), syscall)
    if (!directory) throw errnoError('ENOENT', syscall, path)
    if (directory instanceof FileNode) throw errnoError('ENOTDIR', syscall, path)
    return { directory, name, node: directory.names.get(name) }
  }

  /** @throws ENOENT or ENOTDIR when no directory has this path */
  directory(path: string, syscall: string): DirectoryNode {
    const node = this.find(path, syscall)
    if (!node) throw errnoError('ENOENT', syscall, path)
    if (node instanceof FileNode) throw errnoError('ENOTDIR', syscall, path)
    return node
  }
}

/**
 * The names on a path, without empty ones and `.`; absolute and relative paths are the same on a simulated
 * disk.
 */
export function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
