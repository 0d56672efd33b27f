/** From the text of a realm file to a checked object, or to every problem with its line. */
import { printable } from '../../ambient/printable.ts'
import { isObject, type Representation } from '../../rp/representation.ts'
import { checkRealmFile, checkUsersFile, type ExportProblem } from './check-export.ts'
import { positionAt, scanJson, type TextPosition } from './scan-json.ts'

export interface ImportFile {
  /** Shown in messages. */
  readonly name: string
  readonly text: string
}

/** One thing wrong with a file, with the place where it stands. */
export interface ImportProblem extends ExportProblem, Partial<TextPosition> {
  readonly file: string
}

export type ReadExport =
  | { readonly ok: true; readonly realm: Representation; readonly realmName: string }
  | { readonly ok: false; readonly problems: readonly ImportProblem[] }

/** Larger files are refused before they are parsed: 10,000 users with two credentials each are 15 MB. */
export const fileLengthMax = 256 * 1024 * 1024

/** Reads a realm file together with the `<realm>-users-N.json` files that a CLI export puts beside it. */
export function readExport(file: ImportFile, userFiles: readonly ImportFile[]): ReadExport {
  const problems: ImportProblem[] = []
  const value = parseFile(problems, file)
  // a realm may stand in a list of one, as `kc.sh export` to one file writes it
  const isListed = Array.isArray(value) && value.length === 1
  const realm: unknown = isListed ? value[0] : value
  if (problems.length === 0) problems.push(...located(file, checkRealmFile(realm), isListed ? '[0]' : ''))
  if (problems.length > 0 || !isObject(realm)) return { ok: false, problems }
  const realmName = String(realm['realm'])
  const users = userFiles.flatMap((one) => usersOf(problems, one, realmName))
  const whole = users.length === 0 ? realm : { ...realm, users: [...listOf(realm['users']), ...users] }
  // each file may be right and both together name somebody twice
  if (problems.length === 0 && users.length > 0) {
    problems.push(...checkRealmFile(whole).map((problem) => ({ ...problem, file: file.name })))
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, realm: whole, realmName }
}

function usersOf(problems: ImportProblem[], file: ImportFile, realmName: string): readonly unknown[] {
  const found = parseFile(problems, file)
  if (found === undefined) return []
  problems.push(...located(file, checkUsersFile(found, realmName)))
  return isObject(found) ? listOf(found['users']) : []
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function parseFile(problems: ImportProblem[], file: ImportFile): unknown {
  if (file.text.length > fileLengthMax) {
    problems.push({
      file: file.name,
      path: '',
      message: `the file is larger than ${fileLengthMax / 1024 ** 2} MiB`,
    })
    return undefined
  }
  const fault = scanJson(file.text)
  if (!fault) return JSON.parse(file.text.replace(/^\ufeff/, ''))
  problems.push({
    file: file.name,
    path: '',
    message: `expected ${fault.expected}${fault.offset >= file.text.length ? ', found the end of the file' : ''}`,
    ...positionAt(file.text, fault.offset),
  })
  return undefined
}

function located(file: ImportFile, problems: readonly ExportProblem[], root = ''): readonly ImportProblem[] {
  if (problems.length === 0) return []
  const offsets = new Map<string, number>()
  scanJson(file.text, (path, offset) => offsets.set(path, offset))
  return problems.map((problem) => {
    const path = root === '' || problem.path === '' ? root + problem.path : `${root}.${problem.path}`
    const offset = offsets.get(path) ?? offsets.get(parentOf(path))
    return { ...problem, file: file.name, ...(offset === undefined ? {} : positionAt(file.text, offset)) }
  })
}

/** A missing member stands where its object begins. */
function parentOf(path: string): string {
  return path.replace(/(?:\.[^.[\]]+|\[[^\]]*\])$|^[^.[\]]+$/, '')
}

/** One line: `realm.json:12:5 clients[3].redirectUris: expected …`. */
export function problemLine(problem: ImportProblem): string {
  const place =
    problem.line === undefined ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  return printable(`${place} ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`)
}
