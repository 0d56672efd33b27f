/** One server for the tests of a client that other people publish: SQLite, a realm, an administrator of `master`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminEnvironment } from '../support/administrator.ts'
import type { TestDatabase } from '../support/database.ts'
import { type ClientExport, testPassword } from '../support/realm-export.ts'
import type { Page, UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** The database behind the protocol is proven elsewhere on both; a client cannot see it. */
export async function startClientServer(
  clients: readonly ClientExport[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<WholeServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-test-'))
  const database: Pick<TestDatabase, 'create'> = { create: async () => ({ dataDir, databaseUrl: undefined }) }
  const world = await startWholeServer(
    database,
    { clients, usernames: ['alice', 'bob'], settings },
    adminEnvironment,
  )
  return {
    ...world,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Opens a page of an application and signs in where it asks; ends at the application's page. */
export async function openSignedIn(agent: UserAgent, address: string, username = 'alice'): Promise<Page> {
  const page = await agent.follow(await agent.get(address), 'http')
  if (!page.text.includes('name="password"')) return page
  const answered = await agent.submit(page, { username, password: testPassword })
  return await agent.follow(answered, 'http')
}

/** Asks again until it holds: what ends by itself takes a moment. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, timeoutMs = 5000): Promise<void> {
  const startedAt = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`not true within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
