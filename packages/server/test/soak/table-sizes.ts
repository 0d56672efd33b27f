/** How much the database of a soak holds: rows, bytes, connections. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { CrashDatabase } from '../crash/crash-database.ts'
import type { Sample } from './growth.ts'

const tables = [
  'session',
  'client_session',
  'artifact',
  'handle',
  'revoked_token',
  'sign_out',
  'delivery',
  'attempt',
  'endpoint',
  'event',
]
const bytesPerMib = 2 ** 20

export async function readTableSizes(
  database: CrashDatabase,
): Promise<Pick<Sample, 'connectionCount' | 'waitingCount' | 'rowCount' | 'databaseMib'>> {
  const counts = tables.map((table) => `(select count(*) from ${table})`).join(' + ')
  const [row] = await database.query<{ rows: string | number; waiting: string | number }>(`
    select ${counts} as rows,
      (select count(*) from delivery where state in ('pending', 'leased')) as waiting`)
  return {
    connectionCount: await countConnections(database),
    waitingCount: Number(row?.waiting),
    rowCount: Number(row?.rows),
    databaseMib: (await countBytes(database)) / bytesPerMib,
  }
}

async function countConnections({ postgres, query }: CrashDatabase): Promise<number> {
  if (!postgres) return 0
  const [row] = await query<{ n: string }>(
    "select count(*) as n from pg_stat_activity where application_name like 'curfew%'",
  )
  return Number(row?.n)
}

async function countBytes({ postgres, dataDir, query }: CrashDatabase): Promise<number> {
  if (postgres) {
    const [row] = await query<{ n: string }>('select pg_database_size(current_database()) as n')
    return Number(row?.n)
  }
  const sizeOf = (name: string): number => statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0
  return sizeOf('curfew.db') + sizeOf('curfew.db-wal')
}
