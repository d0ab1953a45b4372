import { execFile, execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Lab } from './lab.ts'

/** Cuts the power of the file system that holds a folder: EXT4_IOC_SHUTDOWN, without writing the journal's end. Prints when it begins to. */
const SHUTDOWN = `
  use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
  open(my $dir, "<", $ARGV[0]) or die "open: $!";
  my $how = pack("L", 2);
  my $began = clock_gettime(CLOCK_MONOTONIC);
  ioctl($dir, 0x8004587d, $how) or die "ioctl: $!";
  printf("%.6f", $began * 1000);
`

/** A small ext4 of its own in a file: it can be filled up, and its power can be cut. Gone at the end of the run. */
export class SmallDisk {
  /** Where it is mounted. */
  readonly dir: string
  readonly #image: string
  #ballastCount = 0

  private constructor(image: string, dir: string) {
    this.#image = image
    this.dir = dir
  }

  /** @throws Error when the kernel does not let us mount it */
  static make(lab: Lab, sizeBytes: number): SmallDisk {
    const folder = lab.newDir('disk')
    const image = join(folder, 'image')
    const handle = openSync(image, 'w')
    ftruncateSync(handle, sizeBytes)
    closeSync(handle)
    run('mkfs.ext4', ['-q', '-F', '-m', '0', '-J', 'size=4', image])
    const dir = join(folder, 'mounted')
    mkdirSync(dir)
    const disk = new SmallDisk(image, dir)
    disk.#mount()
    lab.cleanup.add(() => run('umount', [dir]))
    return disk
  }

  /**
   * The power goes: what was not made durable is lost, and nothing can be written or read until `restart`. No cut is quite like
   * this one: a datasync that it meets half done may be confirmed, and its bytes lost all the same.
   * @returns when that began, by `monotonicMs`: what was confirmed before is durable
   */
  async cutPower(): Promise<number> {
    const { stdout } = await promisify(execFile)('perl', ['-e', SHUTDOWN, this.dir])
    return Number(stdout)
  }

  /** The power is back. Nobody may have a file of it open. */
  restart(): void {
    run('umount', [this.dir])
    this.#mount()
  }

  /** Takes room that `dropBallast` gives back. */
  addBallast(sizeBytes: number): void {
    this.#ballastCount++
    writeFileSync(this.#ballastPath, Buffer.alloc(sizeBytes, 1), { flush: true })
  }

  /** Gives back the room of the ballast that was added last. */
  dropBallast(): void {
    rmSync(this.#ballastPath)
    this.#ballastCount--
  }

  get #ballastPath(): string {
    return join(this.dir, `ballast-${this.#ballastCount}`)
  }

  #mount(): void {
    run('mount', ['-o', 'loop,noatime', this.#image, this.dir])
  }
}

function run(program: string, argv: readonly string[]): void {
  execFileSync(program, argv, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
}
