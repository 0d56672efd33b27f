/**
 * What the house rules look at: the files of the repository as git sees them, and how a rule says no.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const repositoryRoot = path.resolve(import.meta.dirname, '../..')

export interface RepositoryFile {
  /** From the root, with `/`. */
  readonly path: string
  readonly text: string
}

export interface Violation {
  readonly path: string
  /** From 1; left out where the whole file is meant. */
  readonly line?: number
  /** What is wrong, and what to write instead. */
  readonly problem: string
}

const binary = /\.(png|jpe?g|gif|ico|woff2?|gz|db)$/

/** Every text file that is tracked, or would be by `git add`. */
export function repositoryFiles(matching: RegExp = /./): readonly RepositoryFile[] {
  return readAll(repositoryPaths(), matching)
}

/** Every text file that is tracked: what a clone has. */
export function trackedFiles(matching: RegExp): readonly RepositoryFile[] {
  return readAll(listFiles(['--cached']), matching)
}

export function repositoryPaths(): readonly string[] {
  return listFiles(['--cached', '--others', '--exclude-standard'])
}

function readAll(paths: readonly string[], matching: RegExp): readonly RepositoryFile[] {
  return paths
    .filter((file) => matching.test(file) && !binary.test(file))
    .map((file) => ({ path: file, text: readFileSync(path.join(repositoryRoot, file), 'utf8') }))
}

function listFiles(options: readonly string[]): readonly string[] {
  const list = execFileSync('git', ['ls-files', ...options], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  const names = list.split('\n').filter((name) => name !== '' && existsSync(path.join(repositoryRoot, name)))
  assert.ok(names.length > 30, 'git lists the files of the repository')
  return [...new Set(names)].sort()
}

/** The line, from 1, of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

/** Every match of `pattern` (global) as a violation. `problem` may return undefined to let a match pass. */
export function violationsOf(
  file: RepositoryFile,
  pattern: RegExp,
  problem: (match: RegExpExecArray) => string | undefined,
): readonly Violation[] {
  return [...file.text.matchAll(pattern)].flatMap((match) => {
    const text = problem(match)
    return text === undefined
      ? []
      : [{ path: file.path, line: lineAt(file.text, match.index), problem: text }]
  })
}

/** Fails with one line per violation. */
export function assertTidy(violations: readonly Violation[]): void {
  const lines = violations.map(
    ({ path: file, line, problem }) => `${file}${line ? `:${line}` : ''} ${problem}`,
  )
  assert.equal(lines.length, 0, `${lines.length} against the house rules:\n${lines.join('\n')}`)
}
