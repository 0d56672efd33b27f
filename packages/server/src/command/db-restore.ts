/**
 * `curfew db restore FILE`: puts a copy back. A session that ended after the copy was made must not come back to
 * life (R26), so every session in the copy is signed out, and every application of them is told.
 */
import { existsSync } from 'node:fs'
import { systemAmbient } from '../ambient/ambient.ts'
import { openStore } from '../store/store.ts'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings, takeFile } from './db-settings.ts'
import { putBack } from './put-back.ts'
import { voidBefore } from './void-before.ts'

const afterPgRestore = '--after-pg-restore'

export async function restoreDatabase(context: CommandContext): Promise<number> {
  const isAfterPgRestore = context.argv.includes(afterPgRestore)
  const argv = context.argv.filter((word) => word !== afterPgRestore)
  const { file, rest } = takeFile({ ...context, argv })
  const settings = readDatabaseSettings(rest)
  const databaseUrl = settings['database.url']
  // one without the other would sign everybody out of a database that nothing was put back into
  if (isAfterPgRestore !== (databaseUrl !== undefined)) {
    context.stderr(
      `PostgreSQL is put back with pg_restore; then: curfew db restore ${afterPgRestore} --database-url postgres://…\n`,
    )
    return 2
  }
  if (databaseUrl === undefined && (file === undefined || !existsSync(file))) {
    context.stderr(`curfew db restore needs a backup: ${file ?? 'no file'} was given.\n`)
    return 2
  }
  const signOutOf = async (dataDir: string): Promise<number> => {
    const ambient = systemAmbient()
    await using store = await openStore({ dataDir, databaseUrl }, ambient)
    return await voidBefore(store, ambient.random)
  }
  const count =
    file === undefined ? await signOutOf(settings.data) : await putBack(file, settings.data, signOutOf)
  context.stdout(
    `Restored. ${count} session(s) of the copy were signed out; their applications are told when the server starts.\n`,
  )
  return 0
}
