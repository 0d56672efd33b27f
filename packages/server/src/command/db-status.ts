/** `curfew db status`: what is stored and what waits. Works while a server runs: it opens the file for reading only. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { CommandContext } from './command.ts'
import { readDatabaseSettings } from './db-settings.ts'

const queries: readonly (readonly [label: string, sql: string])[] = [
  ['migrations', 'select count(*) as n from schema_migration'],
  ['realms', 'select count(*) as n from realm where deleted_at is null'],
  ['accounts', 'select count(*) as n from account where deleted_at is null'],
  ['active sessions', "select count(*) as n from session where state = 'active'"],
  ['ended sessions kept', "select count(*) as n from session where state = 'ended'"],
  ['sign-outs', 'select count(*) as n from sign_out'],
  ['deliveries waiting', "select count(*) as n from delivery where state in ('pending', 'leased')"],
  ['deliveries with a verdict', 'select count(*) as n from delivery where settled_at is not null'],
]

export async function showDatabaseStatus(context: CommandContext): Promise<number> {
  const settings = readDatabaseSettings(context)
  const url = settings['database.url']
  const file = join(settings.data, 'curfew.db')
  if (!url && !existsSync(file)) {
    context.stderr(`There is no database in ${settings.data} yet; curfew serve makes it.\n`)
    return 1
  }
  const counts = url ? await countInPostgres(url) : countInSqlite(file)
  for (const [label, count] of counts) context.stdout(`${String(count).padStart(10)}  ${label}\n`)
  if (!url) context.stdout(`${String(statSync(file).size).padStart(10)}  bytes in ${file}\n`)
  return 0
}

function countInSqlite(file: string): readonly (readonly [string, number])[] {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return queries.map(([label, sql]) => [label, Number(database.prepare(sql).get()?.['n'])] as const)
  } finally {
    database.close()
  }
}

async function countInPostgres(url: string): Promise<readonly (readonly [string, number])[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const counts: (readonly [string, number])[] = []
    for (const [label, sql] of queries) {
      const { rows } = await client.query<{ n: string }>(sql)
      counts.push([label, Number(rows[0]?.n)])
    }
    return counts
  } finally {
    await client.end()
  }
}
