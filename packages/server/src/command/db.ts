/** `curfew db`: status, migration, backup and restore of the database. */
import type { Command, CommandContext } from './command.ts'

/** Loaded when they are asked for: no other command needs a database. */
const actions: Readonly<Record<string, (context: CommandContext) => Promise<number>>> = {
  status: async (context) => (await import('./db-status.ts')).showDatabaseStatus(context),
  migrate: async (context) => (await import('./db-migrate.ts')).migrateDatabase(context),
  backup: async (context) => (await import('./db-backup.ts')).backupDatabase(context),
  restore: async (context) => (await import('./db-restore.ts')).restoreDatabase(context),
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
