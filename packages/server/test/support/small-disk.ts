/** A file system that is small enough to be filled: in memory, mounted for one test. Root alone can mount one. */
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk extends Disposable {
  readonly folder: string
  /** Takes all the room that is left, but for about `leaveKib`. */
  fill(leaveKib: number): void
  free(): void
}

const pieceKib = 64

/** Undefined where this process may not mount. */
export function mountSmallDisk(sizeMib: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    rmdirSync(folder)
    return undefined
  }
  chmodSync(folder, 0o755)
  const ballast = (name: string): string => join(folder, `ballast-${name}`)
  const free = (): void => {
    for (const name of ['kept', 'given-back']) rmSync(ballast(name), { force: true })
  }
  return {
    folder,
    fill(leaveKib) {
      writeUntil(ballast('given-back'), leaveKib)
      writeUntil(ballast('kept'), Number.POSITIVE_INFINITY)
      rmSync(ballast('given-back'))
    },
    free,
    [Symbol.dispose]() {
      free()
      execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' })
      rmdirSync(folder)
    },
  }
}

/** Writes so much, or until there is no room. */
function writeUntil(path: string, kib: number): void {
  const piece = Buffer.alloc(pieceKib * 1024)
  const file = openSync(path, 'w')
  try {
    for (let written = 0; written < kib; written += pieceKib) writeSync(file, piece)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
}
