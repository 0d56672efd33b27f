/**
 * The protocol engine behind a bare HTTP server: a realm in memory, people in the database, and a sign-in page
 * that believes what it is told. For tests of `op/` alone; whole-server tests start the real server.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importJWK } from 'jose'
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import { generateKey, type RealmKey, type SigningAlgorithm } from '../../src/key/key.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { createOp, type Op, type OpDeps } from '../../src/op/op.ts'
import type { Realm } from '../../src/realm/realm.ts'
import type { Client } from '../../src/rp/client.ts'
import type { Store } from '../../src/store/store.ts'
import { testSecret } from './realm-export.ts'
import { someClient, someRealm } from './realm-in-memory.ts'
import { type RelyingParty, relyingParty } from './relying-party.ts'
import { createUserAgent, type UserAgent } from './user-agent.ts'

export interface OpHostOptions {
  readonly store: Store
  readonly ambient?: Ambient
  readonly clients?: readonly Partial<Client>[]
  readonly settings?: Partial<Realm['settings']>
  readonly algorithms?: readonly SigningAlgorithm[]
  readonly realmNames?: readonly string[]
  readonly op?: Partial<OpDeps>
}

export interface OpHost extends AsyncDisposable {
  readonly op: Op
  readonly deps: OpDeps
  readonly origin: string
  realm(name?: string): Realm
  /** Replaces a realm, as a change by an administrator would. */
  changeRealm(name: string, change: (realm: Realm) => Realm): void
  rp(clientId: string, options?: { readonly secret?: string; readonly realm?: string }): RelyingParty
  /** A browser; closed with the host. */
  browser(): UserAgent
}

export const accountIds = ['alice', 'bob'] as const

export async function startOpHost(options: OpHostOptions): Promise<OpHost> {
  const { store, ambient = systemAmbient(), realmNames = ['test'] } = options
  const realms = new Map<string, Realm>()
  const agents: UserAgent[] = []
  let op: Op | undefined
  const server = createServer((req, res) => {
    serve(realms, op as Op, req, res).catch((error: unknown) => {
      res.statusCode = 500
      res.end(error instanceof Error ? error.stack : String(error))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  for (const name of realmNames) {
    const realm = await makeRealm(options, name, origin)
    realms.set(name, realm)
    await insertRealm(store, realm)
  }
  const byId = (id: string): Realm | undefined => [...realms.values()].find((realm) => realm.id === id)
  const deps: OpDeps = {
    store,
    ambient,
    random: ambient.random,
    log: ambient.log,
    secret: serverSecret(Buffer.alloc(32, 7)),
    realms: {
      byName: async (name) => realms.get(name),
      byId: async (id) => byId(id),
      names: async () => [...realms.keys()],
      invalidate: () => undefined,
    },
    fetchJson: () => Promise.reject(new Error('no network in these tests')),
    interactionUrl: (realm, uid) => `${realm.issuer}/sign-in/${uid}`,
    renderErrorPage: ({ reason }) => ({ html: `<h1>error: ${reason}</h1>`, headers: {} }),
    verifyCredentials: async () => ({ ok: false, reason: 'no passwords here' }),
    ...options.op,
  }
  op = createOp(deps)
  return {
    op,
    deps,
    origin,
    realm: (name = 'test') => realms.get(name) as Realm,
    changeRealm: (name, change) => {
      const realm = realms.get(name) as Realm
      realms.set(name, { ...change(realm), version: realm.version + 1 })
    },
    rp: (clientId, { secret = testSecret, realm = 'test' } = {}) =>
      relyingParty({ issuer: `${origin}/realms/${realm}`, clientId, secret }),
    browser() {
      const agent = createUserAgent()
      agents.push(agent)
      return agent
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function serve(
  realms: ReadonlyMap<string, Realm>,
  op: Op,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const [, name = '', path = ''] = /^\/realms\/([^/]+)(\/.*)$/.exec(req.url ?? '') ?? []
  const realm = realms.get(name)
  if (!realm) {
    res.statusCode = 404
    res.end()
    return
  }
  const source = { ipAddress: '127.0.0.1', userAgent: req.headers['user-agent'] }
  if (!path.startsWith('/sign-in/')) return op.handle(req, res, realm, path, source)
  if (req.method === 'POST') {
    let body = ''
    for await (const chunk of req) body += chunk
    const form = new URLSearchParams(body)
    const accountId = `${realm.id}-${form.get('username')}`
    const signedIn = { accountId, rememberMe: form.get('rememberMe') === 'on', amr: ['pwd'] }
    const done = form.has('consent')
      ? await op.completeConsent(realm, req, res, source)
      : await op.completeSignIn(realm, req, res, signedIn, source)
    res.statusCode = done.kind === 'gone' ? 400 : 303
    if (done.kind !== 'gone') res.setHeader('location', done.location)
    if (done.kind === 'continue') res.setHeader('set-cookie', done.setCookie)
    res.end()
    return
  }
  const found = await op.readInteraction(realm, req, res)
  if (found.kind === 'restart') {
    res.statusCode = 303
    res.setHeader('location', found.location)
    res.end()
    return
  }
  res.setHeader('content-type', 'text/html')
  const consent = found.kind === 'waiting' && found.prompt === 'consent'
  res.end(
    found.kind === 'gone'
      ? '<h1>gone</h1>'
      : `<h1>sign in</h1><form method="post"><input name="${consent ? 'consent' : 'username'}" value=""></form>`,
  )
}

const keyCache = new Map<SigningAlgorithm, Promise<RealmKey>>()

/** One key per algorithm for the whole process: RSA takes its time. */
function testKey(algorithm: SigningAlgorithm): Promise<RealmKey> {
  const made = keyCache.get(algorithm) ?? makeKey(algorithm)
  keyCache.set(algorithm, made)
  return made
}

export async function makeKey(algorithm: SigningAlgorithm, usableAt = 0): Promise<RealmKey> {
  const privateJwk = await generateKey(systemAmbient().random, algorithm)
  const { d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...publicJwk } = privateJwk
  return {
    kid: privateJwk.kid as string,
    algorithm,
    status: 'active',
    priority: 100,
    usableAt,
    publicJwk,
    privateJwk,
    privateKey: (await importJWK(privateJwk, algorithm)) as RealmKey['privateKey'],
    publicKey: (await importJWK(publicJwk, algorithm)) as RealmKey['publicKey'],
    certificate: undefined,
  }
}

async function makeRealm(options: OpHostOptions, name: string, origin: string): Promise<Realm> {
  const clients = options.clients ?? [{ clientId: 'wiki' }, { clientId: 'chat' }]
  const keys = await Promise.all((options.algorithms ?? ['RS256', 'ES256']).map(testKey))
  return someRealm({
    id: `id-${name}`,
    name,
    cookieKey: name,
    issuer: `${origin}/realms/${name}`,
    keys,
    settings: options.settings ?? {},
    clients: clients.map((client) => {
      const clientId = client.clientId as string
      return someClient({
        realmId: `id-${name}`,
        uuid: `uuid-${name}-${clientId}`,
        secret: client.publicClient ? undefined : testSecret,
        redirectUris: [`https://${clientId}.example/callback`],
        ...client,
        clientId,
      })
    }),
  })
}

async function insertRealm(store: Store, realm: Realm): Promise<void> {
  await store.transact(async (tx) => {
    await tx.db
      .insertInto('realm')
      .values({
        id: realm.id,
        name: realm.name,
        enabled: 1,
        cookie_key: realm.cookieKey,
        representation: '{}',
        not_before: 0,
        version: 1,
        created_at: 0,
        deleted_at: null,
      })
      .execute()
    const services = [...realm.clients.values()].filter((client) => client.serviceAccountsEnabled)
    const people = accountIds.map((username) => ({ username, service: null as string | null }))
    const all = [
      ...people,
      ...services.map(({ clientId, uuid }) => ({ username: `service-account-${clientId}`, service: uuid })),
    ]
    for (const { username, service } of all) {
      await tx.db
        .insertInto('account')
        .values({
          id: `${realm.id}-${username}`,
          realm_id: realm.id,
          username,
          email: `${username}@example.org`,
          email_verified: 1,
          first_name: username,
          last_name: 'Example',
          enabled: 1,
          attributes: '{}',
          representation: '{}',
          not_before: 0,
          service_account_client_uuid: service,
          created_at: 0,
          deleted_at: null,
        })
        .execute()
    }
  })
}
