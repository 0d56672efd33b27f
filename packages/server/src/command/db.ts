/** `curfew db`: status, migration, backup and restore of the database. */
import type { Command, CommandContext } from './command.ts'
import { backupDatabase } from './db-backup.ts'
import { migrateDatabase } from './db-migrate.ts'
import { restoreDatabase } from './db-restore.ts'
import { showDatabaseStatus } from './db-status.ts'

const actions: Readonly<Record<string, (context: CommandContext) => Promise<number>>> = {
  status: showDatabaseStatus,
  migrate: migrateDatabase,
  backup: backupDatabase,
  restore: restoreDatabase,
}

export const db: Command = {
  name: 'db',
  summary: 'status, migrate, backup or restore the database',
  help: `curfew db status --dev --data DIR               schema, sizes and what waits
curfew db migrate --database-url postgres://…   brings the schema forward without starting a server
curfew db backup FILE --data DIR                copies the embedded database while the server runs
curfew db restore FILE --data DIR               puts a copy back (server stopped); everybody is signed out,
                                                so that no session ended since the copy comes back to life

Settings that only a server needs (url, secret_file) may be left out. For PostgreSQL use pg_dump and pg_restore,
then: curfew db restore --after-pg-restore --database-url postgres://…`,
  async run(context) {
    const [what = '', ...argv] = context.argv
    const action = actions[what]
    if (action) return action({ ...context, argv })
    context.stderr(`curfew db needs one of: ${Object.keys(actions).join(', ')}.\n`)
    return 2
  },
}
