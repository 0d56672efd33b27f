/** `curfew db backup FILE`: SQLite's online backup, a consistent copy while the server goes on writing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { makePrivateFile } from '../store/sqlite/make-private-file.ts'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings, takeFile } from './db-settings.ts'

export async function backupDatabase(context: CommandContext): Promise<number> {
  const { file, rest } = takeFile(context)
  const settings = readDatabaseSettings(rest)
  if (settings['database.url']) {
    context.stderr(
      'PostgreSQL is backed up with its own tools: pg_dump --format=custom --file=FILE DATABASE.\n',
    )
    return 2
  }
  if (file === undefined) {
    context.stderr('curfew db backup needs the file to write: curfew db backup curfew-2026-11-22.db\n')
    return 2
  }
  if (existsSync(file)) {
    context.stderr(`${file} exists already; a backup never overwrites one.\n`)
    return 5
  }
  const source = new DatabaseSync(join(settings.data, 'curfew.db'), { readOnly: true })
  makePrivateFile(file)
  try {
    const pageCount = await backup(source, file)
    context.stdout(
      `Copied ${pageCount} pages to ${file}. Keep the server secret beside it: without it the keys in the copy cannot be opened.\n`,
    )
    return 0
  } finally {
    source.close()
  }
}
