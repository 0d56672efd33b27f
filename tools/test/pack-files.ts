/**
 * Test files that share a process. Half of a short file's time is loading the server's modules and running them
 * cold; six files in one process do that once. A failure names its own file all the same.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const filesPerPackMax = 6
const guard = path.join(import.meta.dirname, 'pack-guard.ts')

/**
 * Alone are those that start processes, which are long and measure time, and those that wait before they name
 * their tests: by then the others of the pack might be over.
 */
const isAlone = (text: string): boolean =>
  /support\/(?:server-process|demo-process|browser|small-disk)|crash\/|child_process|\/simulation|createSequencer|openArena|runModel|watcherCount|^(?:const .*= )?await /m.test(
    text,
  )

export interface Packed extends Disposable {
  readonly files: readonly string[]
}

/** `files` are relative to `root`. */
export function packFiles(root: string, files: readonly string[]): Packed {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-packs-'))
  const isShared = (file: string): boolean => !isAlone(readFileSync(path.join(root, file), 'utf8'))
  const shared = files.filter(isShared)
  const packs = dealOut(shared, Math.ceil(shared.length / filesPerPackMax)).map((pack, index) => {
    const written = path.join(folder, `pack-${index + 1}.test.mjs`)
    const imports = [guard, ...pack.map((file) => path.join(root, file))].map(
      (file) => `import '${pathToFileURL(file)}'`,
    )
    writeFileSync(written, `${imports.join('\n')}\nglobalThis.isPackLoaded = true\n`)
    return written
  })
  return {
    files: [...packs, ...files.filter((file) => !isShared(file))],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Neighbours, which are alike in length, go to different packs. */
export function dealOut<One>(all: readonly One[], packCount: number): readonly (readonly One[])[] {
  return Array.from({ length: packCount }, (_, pack) =>
    all.filter((_one, index) => index % packCount === pack),
  )
}
