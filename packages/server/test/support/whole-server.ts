/** The whole server in this process, on a free port, with one imported realm: for tests over HTTP and in browsers. */
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import { type ComposedServer, compose } from '../../src/compose.ts'
import { loadSettings } from '../../src/config/config.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { importRealm } from '../../src/realm/import/import-realm.ts'
import { cheapPasswords } from './cheap-passwords.ts'
import type { TestDatabase } from './database.ts'
import { type RealmExportOptions, realmExport } from './realm-export.ts'
import { type RelyingParty, relyingParty } from './relying-party.ts'
import { createUserAgent, type UserAgent } from './user-agent.ts'

export interface ErrorEvent {
  readonly type: string
  readonly error: string
  readonly explanation: string
  readonly details: Readonly<Record<string, string>>
}

export interface WholeServer extends AsyncDisposable {
  readonly server: ComposedServer
  readonly url: string
  readonly issuer: string
  /** Moves the clock of the server forward. */
  pass(ms: number): void
  rp(clientId: string, redirectUri?: string): RelyingParty
  /** A person's browser; closed with the server. */
  browser(): UserAgent
  /** Error events so far: type, Keycloak's word, sentence. */
  errors(): readonly ErrorEvent[]
  /** Changes the settings or a client of the realm, as an administrator would. */
  reimport(options: Partial<RealmExportOptions>): Promise<void>
}

export async function startWholeServer(
  database: Pick<TestDatabase, 'create'>,
  options: RealmExportOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<WholeServer> {
  const { dataDir, databaseUrl } = await database.create()
  const errors: ErrorEvent[] = []
  let passedMs = 0
  const ambient: Ambient = systemAmbient({
    clock: { now: () => Date.now() + passedMs },
    log: {
      write(_level, event, fields) {
        if (event !== 'event.recorded' || !fields['error']) return
        errors.push(fields as unknown as ErrorEvent)
      },
    },
  })
  const flags = {
    dev: 'true',
    port: '0',
    data: dataDir,
    'outbound-allow': ['127.0.0.1:*'],
    ...(databaseUrl === undefined ? {} : { 'database-url': databaseUrl }),
  }
  const { settings } = loadSettings({ flags, env })
  const server = await compose(settings, {
    ambient,
    secret: serverSecret(Buffer.alloc(32, 9)),
    env: {},
    passwords: cheapPasswords(),
  })
  let exported = options
  const load = async (): Promise<void> => {
    const file = { name: 'realm.json', text: realmExport(exported) }
    const result = await importRealm(server.importDeps, file, {}, ambient.clock.now())
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    server.realms.invalidate(result.realmId)
  }
  await load()
  const { url } = await server.listen()
  const issuer = `${url}/realms/${options.realm ?? 'test'}`
  const agents: UserAgent[] = []
  return {
    server,
    url,
    issuer,
    pass(ms) {
      passedMs += ms
    },
    rp: (clientId, redirectUri) =>
      relyingParty({ issuer, clientId, ...(redirectUri ? { redirectUri } : {}) }),
    browser() {
      const agent = createUserAgent()
      agents.push(agent)
      return agent
    },
    errors: () => errors,
    async reimport(change) {
      exported = { ...exported, ...change }
      await load()
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
