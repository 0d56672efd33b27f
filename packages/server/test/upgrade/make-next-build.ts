/** The next version of the server: this source in a folder of its own, with another version and one more migration. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const server = resolve(import.meta.dirname, '../..')
const modules = resolve(server, '../../node_modules')

export const nextMigrationName = '0999-next'
export const nextVersion = '9.0.0'

export interface NextBuild extends Disposable {
  /** Its `main.ts`. */
  readonly main: string
}

/** Additive: columns in tables that the old code reads and writes all the time, and a table. */
const statements = [
  `alter table delivery add column carrier text not null default 'none'`,
  'alter table session add column place text',
  'alter table sign_out add column note text',
  'create table carrier (id text primary key, name text not null)',
  'create index delivery_by_carrier on delivery (carrier)',
]

export function makeNextBuild({ isBreaking }: { readonly isBreaking: boolean }): NextBuild {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-next-'))
  // a level below what it imports, so that what is compiled is kept in the folder and goes with it
  const build = join(folder, 'server')
  cpSync(join(server, 'src'), join(build, 'src'), { recursive: true })
  symlinkSync(modules, join(folder, 'node_modules'))
  edit(
    join(server, 'package.json'),
    join(build, 'package.json'),
    /"version": "[^"]+"/,
    `"version": "${nextVersion}"`,
  )
  const migration = join(build, 'src/store/migration/migrate.ts')
  const added = `, {
    name: '${nextMigrationName}',
    isBreaking: ${isBreaking},
    async up(on) {
      for (const statement of ${JSON.stringify(statements)}) await sql.raw(statement).execute(on.db)
    },
  }]`
  edit(migration, migration, /(?<=migrations: readonly Migration\[\] = \[[^\]]*)\]/, added)
  return {
    main: join(build, 'src/main.ts'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

function edit(from: string, to: string, what: RegExp, by: string): void {
  const text = readFileSync(from, 'utf8')
  if (!what.test(text)) throw new Error(`${from} has nothing like ${what}`)
  writeFileSync(
    to,
    text.replace(what, () => by),
  )
}
