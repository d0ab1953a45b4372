import type { Random } from '../host.ts'
import { DirectoryNode, FileNode, type TreeNode } from './file-tree.ts'
import type { PageImage } from './page-image.ts'
import { below } from './random-range.ts'

/**
 * What a power loss does to what no sync has made durable: all of it is lost, all of it had reached the
 * medium, or each change for itself was kept, lost or torn at 512-byte borders, in no order.
 */
export type PowerLossOutcome = 'lost' | 'kept' | 'torn'

const SECTOR_BYTES = 512

type FileChange = { readonly sequence: number } & (
  | { readonly position: number; readonly bytes: Buffer }
  | { readonly sizeBytes: number }
)

/** A name that a node was given, or that was taken away (undefined). */
export type NameEdit = readonly [name: string, node: TreeNode | undefined]

/** What one call did in one directory; it becomes durable as a whole. */
interface NameChange {
  readonly call: number
  readonly edits: readonly NameEdit[]
}

interface FileState {
  durable: PageImage
  pending: FileChange[]
}

interface DirectoryState {
  readonly durable: Map<string, TreeNode>
  pending: NameChange[]
}

/**
 * Follows, beside the tree that a process sees, what of it is durable. A node that was never changed is
 * durable as it is. A sync that fails drops what it should have saved: it stays visible, counts as clean and
 * no later sync saves it.
 */
export class Unsynced {
  #files = new Map<FileNode, FileState>()
  #directories = new Map<DirectoryNode, DirectoryState>()
  #sequence = 0

  /** Stands for all changes made up to now. */
  get sequence(): number {
    return this.#sequence
  }

  /** To be called before a file changes for the first time; harmless later. */
  watchFile(node: FileNode): FileState {
    let state = this.#files.get(node)
    if (!state) {
      state = { durable: node.image.clone(), pending: [] }
      this.#files.set(node, state)
    }
    return state
  }

  /** To be called before names in a directory change for the first time; harmless later. */
  watchDirectory(node: DirectoryNode): DirectoryState {
    let state = this.#directories.get(node)
    if (!state) {
      state = { durable: new Map(node.names), pending: [] }
      this.#directories.set(node, state)
    }
    return state
  }

  /** `bytes` must not change afterwards. */
  written(node: FileNode, position: number, bytes: Buffer): void {
    this.watchFile(node).pending.push({ sequence: this.#sequence++, position, bytes })
  }

  truncated(node: FileNode, sizeBytes: number): void {
    this.watchFile(node).pending.push({ sequence: this.#sequence++, sizeBytes })
  }

  /** What one call did, per directory: each part becomes durable with the sync of its directory. */
  namesChanged(...parts: readonly (readonly [DirectoryNode, readonly NameEdit[]])[]): void {
    const call = this.#sequence++
    for (const [directory, edits] of parts) this.watchDirectory(directory).pending.push({ call, edits })
  }

  /** Makes the file's changes before `sequence` durable. */
  fileSynced(node: FileNode, sequence: number): void {
    const { durable } = this.watchFile(node)
    for (const change of this.#takeBefore(node, sequence)) apply(durable, change)
  }

  /** The file's changes before `sequence` will never be durable. */
  fileSyncFailed(node: FileNode, sequence: number): void {
    this.#takeBefore(node, sequence)
  }

  directorySynced(node: DirectoryNode): void {
    const state = this.watchDirectory(node)
    for (const change of state.pending) applyNames(state.durable, change)
    state.pending = []
  }

  directorySyncFailed(node: DirectoryNode): void {
    this.watchDirectory(node).pending = []
  }

  /** Flips bits of one byte wherever it is kept. */
  corrupt(node: FileNode, position: number, xor: number): void {
    const state = this.watchFile(node)
    for (const image of [node.image, state.durable]) flip(image, position, xor)
    state.pending = state.pending.map((change) => {
      const at = 'bytes' in change ? position - change.position : -1
      if (!('bytes' in change) || at < 0 || at >= change.bytes.length) return change
      const bytes = Buffer.from(change.bytes) // copies of this disk share the old one
      bytes.writeUInt8(bytes.readUInt8(at) ^ xor, at)
      return { ...change, bytes }
    })
  }

  /** A copy of the tree below `root` and of what is not durable in it: another process on the same kernel. */
  copy(root: DirectoryNode): { root: DirectoryNode; unsynced: Unsynced } {
    const unsynced = new Unsynced()
    unsynced.#sequence = this.#sequence
    const copies = new Map<TreeNode, TreeNode>()
    const copyNames = (names: Iterable<readonly [string, TreeNode]>): [string, TreeNode][] =>
      Array.from(names, ([name, node]) => [name, copyNode(node)])
    const copyNode = (node: TreeNode): TreeNode =>
      copies.get(node) ?? (node instanceof FileNode ? copyFile(node) : copyDirectory(node))
    const copyFile = (node: FileNode): FileNode => {
      const copy = new FileNode(node.modifiedMs, node.image.clone())
      copies.set(node, copy)
      const state = this.#files.get(node)
      if (state) {
        unsynced.#files.set(copy, { durable: state.durable.clone(), pending: [...state.pending] })
      }
      return copy
    }
    const copyDirectory = (node: DirectoryNode): DirectoryNode => {
      const copy = new DirectoryNode()
      copies.set(node, copy)
      for (const [name, child] of copyNames(node.names)) copy.names.set(name, child)
      const state = this.#directories.get(node)
      if (state) {
        const pending = state.pending.map(({ call, edits }) => ({
          call,
          edits: edits.map(([name, child]): NameEdit => [name, child && copyNode(child)]),
        }))
        unsynced.#directories.set(copy, { durable: new Map(copyNames(state.durable)), pending })
      }
      return copy
    }
    const rootCopy = copyDirectory(root)
    countNames(rootCopy)
    return { root: rootCopy, unsynced }
  }

  /** What is left of the tree below `root` after a power loss; all of it is durable. */
  afterPowerLoss(root: DirectoryNode, outcome: PowerLossOutcome, random: Random): DirectoryNode {
    const survivors = new Map<TreeNode, TreeNode>()
    const fates = new Map<number, boolean>()
    const isKept = (call: number): boolean => {
      const kept = fates.get(call) ?? below(random, 2) === 0
      fates.set(call, kept)
      return kept
    }
    const survivor = (node: TreeNode): TreeNode => {
      const known = survivors.get(node)
      if (known) return known
      if (node instanceof FileNode) {
        const file = new FileNode(node.modifiedMs, this.#fileImage(node, outcome, random))
        survivors.set(node, file)
        return file
      }
      const directory = new DirectoryNode()
      survivors.set(node, directory)
      for (const [name, child] of this.#directoryNames(node, outcome, isKept)) {
        directory.names.set(name, survivor(child))
      }
      return directory
    }
    const left = survivor(root)
    if (!(left instanceof DirectoryNode)) throw new Error('a root is a directory')
    countNames(left)
    return left
  }

  #takeBefore(node: FileNode, sequence: number): FileChange[] {
    const { pending } = this.watchFile(node)
    const later = pending.findIndex((change) => change.sequence >= sequence)
    return pending.splice(0, later < 0 ? pending.length : later)
  }

  #fileImage(node: FileNode, outcome: PowerLossOutcome, random: Random): PageImage {
    const state = this.#files.get(node)
    if (!state || outcome === 'kept') return node.image.clone()
    const image = state.durable.clone()
    if (outcome === 'torn') for (const change of state.pending) applyTorn(image, change, random)
    return image
  }

  #directoryNames(
    node: DirectoryNode,
    outcome: PowerLossOutcome,
    isKept: (call: number) => boolean,
  ): Map<string, TreeNode> {
    const state = this.#directories.get(node)
    if (!state || outcome === 'kept') return node.names
    const names = new Map(state.durable)
    if (outcome === 'torn') {
      for (const change of state.pending) if (isKept(change.call)) applyNames(names, change)
    }
    return names
  }
}

function apply(image: PageImage, change: FileChange): void {
  if ('bytes' in change) image.write(change.bytes, change.position)
  else image.truncate(change.sizeBytes)
}

function applyNames(names: Map<string, TreeNode>, change: NameChange): void {
  for (const [name, node] of change.edits) {
    if (node) names.set(name, node)
    else names.delete(name)
  }
}

/**
 * Applies some of the sectors of a write, or none, or all; the size may grow to its end without the bytes.
 */
function applyTorn(image: PageImage, change: FileChange, random: Random): void {
  if (!('bytes' in change)) {
    if (below(random, 2) === 0) image.truncate(change.sizeBytes)
    return
  }
  const { bytes, position } = change
  const end = position + bytes.length
  const firstSector = Math.floor(position / SECTOR_BYTES)
  const sectorCount = Math.ceil(end / SECTOR_BYTES) - firstSector
  const isKept = sectorFate(sectorCount, random)
  for (let sector = 0; sector < sectorCount; sector++) {
    if (!isKept(sector)) continue
    const from = Math.max(position, (firstSector + sector) * SECTOR_BYTES)
    const to = Math.min(end, (firstSector + sector + 1) * SECTOR_BYTES)
    image.write(bytes.subarray(from - position, to - position), from)
  }
  if (image.sizeBytes < end && below(random, 2) === 0) image.truncate(end)
}

/** All, none, the first ones, the last ones or any of the sectors, each with the same chance. */
function sectorFate(sectorCount: number, random: Random): (sector: number) => boolean {
  const border = below(random, sectorCount + 1)
  switch (below(random, 5)) {
    case 0:
      return () => true
    case 1:
      return () => false
    case 2:
      return (sector) => sector < border
    case 3:
      return (sector) => sector >= border
    default:
      return () => below(random, 2) === 0
  }
}

function flip(image: PageImage, position: number, xor: number): void {
  const byte = Buffer.alloc(1)
  if (image.read(byte, position) === 0) return
  byte.writeUInt8(byte.readUInt8() ^ xor)
  image.write(byte, position)
}

/** Counts afresh under how many names each file below stands. */
function countNames(root: DirectoryNode): void {
  const seen = new Set<TreeNode>()
  const visit = (directory: DirectoryNode): void => {
    for (const node of directory.names.values()) {
      if (node instanceof FileNode) node.nameCount++
      else if (!seen.has(node)) visit(node)
      seen.add(node)
    }
  }
  visit(root)
}
