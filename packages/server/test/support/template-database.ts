/** One migrated database, of which the tests' own are copies: a copy costs half of what the migrations cost. */
import { tmpdir } from 'node:os'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { openStore } from '../../src/store/store.ts'
import { createDatabase } from './postgres.ts'

/** As the server makes it at its first start. Nobody may be connected to it while it is copied. */
export async function createTemplate(serverUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const template = await createDatabase(serverUrl)
  const store = await openStore({ dataDir: tmpdir(), databaseUrl: template.url }, systemAmbient())
  await store[Symbol.asyncDispose]()
  return template
}
