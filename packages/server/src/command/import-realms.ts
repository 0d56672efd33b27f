/** Imports the realm files of `--import-realm` before the server listens, and prints a report for each. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ComposedServer } from '../compose.ts'
import type { Settings } from '../config/schema.ts'
import { CurfewError } from '../errors.ts'
import { fillFromEnvironment } from '../realm/import/fill-from-environment.ts'
import { importRealm } from '../realm/import/import-realm.ts'
import { renderImportReport } from '../realm/import/import-report.ts'
import { problemLine } from '../realm/import/read-export.ts'
import type { CommandContext } from './command.ts'

/** @throws CURFEW_REALM_IMPORT_INVALID with every problem of a file; that file changed nothing, later ones were not read */
export async function importRealms(
  server: ComposedServer,
  settings: Settings,
  context: CommandContext,
): Promise<void> {
  for (const path of settings.import_realm) {
    const { importDeps, ambient } = server
    const read = (file: string): RealmFile => readRealmFile(file, context)
    const options = { userFiles: usersBeside(path).map(read) }
    const result = await importRealm(importDeps, read(path), options, ambient.clock.now())
    if (!result.ok) {
      throw new CurfewError('CURFEW_REALM_IMPORT_INVALID', result.problems.map(problemLine))
    }
    server.realms.invalidate(result.realmId)
    context.stderr(`${renderImportReport(result.report)}\n`)
  }
}

interface RealmFile {
  readonly name: string
  readonly text: string
}

function readRealmFile(path: string, { env, stderr }: CommandContext): RealmFile {
  const name = basename(path)
  try {
    const { text, names } = fillFromEnvironment(readFileSync(path, 'utf8'), env)
    if (names.length > 0) stderr(`${name}: filled from the environment: ${names.join(', ')}\n`)
    return { name, text }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new CurfewError('CURFEW_REALM_IMPORT_INVALID', `${path} cannot be read (${code}).`, { cause })
  }
}

/** Keycloak writes the people beside `<realm>-realm.json` as `<realm>-users-0.json`, `<realm>-users-1.json`, … */
function usersBeside(path: string): readonly string[] {
  const stem = /^(.*)-realm\.json$/.exec(basename(path))?.[1]
  const folder = dirname(path)
  if (stem === undefined || !existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${stem}-users-`) && name.endsWith('.json'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(folder, name))
}
