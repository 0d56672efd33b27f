/** `curfew db migrate`: opening the store applies what is missing. */
import { systemAmbient } from '../ambient/ambient.ts'
import { openStore } from '../store/store.ts'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings } from './db-settings.ts'

export async function migrateDatabase(context: CommandContext): Promise<number> {
  const settings = readDatabaseSettings(context)
  await using store = await openStore(
    { dataDir: settings.data, databaseUrl: settings['database.url'] },
    systemAmbient(),
  )
  const applied = await store.read.db.selectFrom('schema_migration').select('name').orderBy('name').execute()
  context.stdout(`The schema is up to date: ${applied.map((row) => row.name).join(', ')}.\n`)
  return 0
}
