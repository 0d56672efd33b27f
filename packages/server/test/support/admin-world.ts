/**
 * A server with the admin API alone and two tenants beside `master`, for tests of administrators' calls. Tokens
 * are signed with the realm's own key over a real session, as the token endpoint does.
 */
import { SignJWT } from 'jose'
import { insertAccount } from '../../src/account/change-account.ts'
import { registerAdminApi } from '../../src/admin-api/admin-api.ts'
import type { AdminDeps } from '../../src/admin-api/admin-call.ts'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { randomUuid, systemRandom } from '../../src/ambient/random.ts'
import { recordCancelled } from '../../src/compose/record-cancelled.ts'
import { createHttp } from '../../src/http/http.ts'
import { generateKey, insertKey } from '../../src/key/key.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { createRealms } from '../../src/realm/realms.ts'
import type { Store, Tx } from '../../src/store/store.ts'
import { cheapPasswords } from './cheap-passwords.ts'
import { givenSession, sidOf } from './session-fixture.ts'

const secret = serverSecret(Buffer.alloc(32, 7))
const at = Date.now()

export interface AdminWorld extends AsyncDisposable {
  readonly deps: AdminDeps
  readonly base: string
  /** The route table, as Fastify has it. */
  readonly routes: readonly AdminRoute[]
  /** A token of `admin-cli` for the account, over a session of its own. */
  tokenFor(realmName: string, username: string, clientId?: string): Promise<string>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
}

export interface AdminRoute {
  readonly method: string
  readonly url: string
  readonly needs: readonly string[] | 'own' | undefined
}

export interface CallOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of whatever came
  readonly json: any
  readonly text: string
}

export const idOf = (realmName: string, username: string): string => `${realmName}-${username}`

export async function createAdminWorld(store: Store): Promise<AdminWorld> {
  const ambient = systemAmbient()
  await store.transact(async (tx) => {
    await givenRealm(tx, 'master', ['demo-realm', 'other-realm', 'master-realm'])
    await givenRealm(tx, 'demo', ['realm-management', 'wiki', 'chat', 'erp'])
    await givenRealm(tx, 'other', ['realm-management', 'wiki'])
    await givenAccount(tx, 'master', 'root', ['master/admin'])
    await givenAccount(tx, 'master', 'keeper', ['demo-realm/view-users', 'demo-realm/view-events'])
    await givenAccount(tx, 'demo', 'boss', ['realm-management/realm-admin'])
    await givenAccount(tx, 'demo', 'viewer', ['realm-management/view-users'])
    await givenAccount(tx, 'demo', 'alice', [])
    await givenAccount(tx, 'other', 'boss', ['realm-management/realm-admin'])
    await givenAccount(tx, 'other', 'bob', [])
  })
  for (const name of ['master', 'demo', 'other']) await givenKey(store, name)
  const realms = createRealms({ store, secret, ambient, baseUrl: 'http://id.test' })
  const passwords = cheapPasswords()
  const events = { random: ambient.random, log: ambient.log }
  const onCancelled = recordCancelled({ events, metrics: { countEnded: () => undefined } })
  const deps: AdminDeps = { ...events, store, realms, ambient, passwords, onCancelled }
  const http = { isPublicHttps: false, legacyAuthPath: true, trustedProxies: [] }
  const app = createHttp(ambient, http, (_request, reply, error) => reply.code(error.status).send('page'))
  const routes: AdminRoute[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'HEAD' && url.startsWith('/admin/'))
      routes.push({ method: String(method), url, needs: config?.needs })
  })
  registerAdminApi(app, deps)
  const base = await app.listen({ port: 0, host: '127.0.0.1' })

  return {
    deps,
    base,
    routes,
    async tokenFor(realmName, username, clientId = 'admin-cli') {
      const realm = await realms.byName(realmName)
      const key = realm?.keys[0]
      if (!realm || !key) throw new Error(`there is no realm ${realmName}`)
      const uid = randomUuid(systemRandom)
      const accountId = idOf(realmName, username)
      await givenSession(store, { uid, realmId: realm.id, accountId, clientIds: [clientId], startedAt: at })
      const iat = Math.floor(Date.now() / 1000)
      const claims = { typ: 'Bearer', azp: clientId, sid: sidOf(uid, clientId), scope: 'openid' }
      return new SignJWT({ ...claims, sub: accountId, iss: realm.issuer, iat, exp: iat + 60, jti: uid })
        .setProtectedHeader({ alg: key.algorithm, kid: key.kid })
        .sign(key.privateKey)
    },
    async call(method, path, { token, body, headers } = {}) {
      const response = await fetch(base + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, json: parsed(text) }
    },
    [Symbol.asyncDispose]: () => app.close(),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const managementRoles = [
  'view-users',
  'manage-users',
  'view-events',
  'manage-events',
  'view-clients',
  'view-realm',
]

async function givenRealm(tx: Tx, name: string, clientIds: readonly string[]): Promise<void> {
  const settings = { eventsEnabled: true, adminEventsEnabled: true, displayName: `The ${name}` }
  await tx.db
    .insertInto('realm')
    .values({
      id: `${name}-id`,
      name,
      enabled: 1,
      cookie_key: name,
      representation: JSON.stringify(settings),
      not_before: 0,
      version: 1,
      created_at: at,
      deleted_at: null,
    })
    .execute()
  for (const clientId of ['admin-cli', ...clientIds]) await givenClient(tx, name, clientId)
  if (name === 'master') await givenRole(tx, name, undefined, 'admin')
}

async function givenClient(tx: Tx, realmName: string, clientId: string): Promise<void> {
  const isTold = clientId === 'wiki' || clientId === 'chat'
  const representation = {
    name: clientId,
    attributes: isTold ? { 'backchannel.logout.url': `https://${clientId}.test/logout` } : {},
  }
  await tx.db
    .insertInto('client')
    .values({
      id: `${realmName}-${clientId}`,
      realm_id: `${realmName}-id`,
      client_id: clientId,
      protocol: 'openid-connect',
      enabled: 1,
      representation: JSON.stringify(representation),
      secret_sealed: null,
      not_before: 0,
      created_at: at,
      deleted_at: null,
    })
    .execute()
  if (clientId !== 'realm-management' && !clientId.endsWith('-realm')) return
  for (const role of [...managementRoles, 'realm-admin']) await givenRole(tx, realmName, clientId, role)
}

async function givenRole(
  tx: Tx,
  realmName: string,
  clientId: string | undefined,
  name: string,
): Promise<void> {
  await tx.db
    .insertInto('role')
    .values({
      id: `${realmName}:${clientId ?? realmName}/${name}`,
      realm_id: `${realmName}-id`,
      client_uuid: clientId === undefined ? null : `${realmName}-${clientId}`,
      name,
      representation: '{}',
    })
    .execute()
}

async function givenAccount(
  tx: Tx,
  realmName: string,
  username: string,
  roles: readonly string[],
): Promise<void> {
  const id = idOf(realmName, username)
  await insertAccount(tx, {
    id,
    realmId: `${realmName}-id`,
    username,
    email: `${username}@${realmName}.test`,
    emailVerified: true,
    firstName: username.toUpperCase(),
    lastName: 'Tester',
    enabled: true,
    attributes: { team: ['blue'] },
    notBefore: 0,
    serviceAccountClientUuid: undefined,
    createdAt: at,
    representation: { requiredActions: [], somethingKept: 'yes' },
  })
  for (const role of roles) {
    const roleId = `${realmName}:${role}`
    await tx.db.insertInto('account_role').values({ account_id: id, role_id: roleId }).execute()
  }
}

async function givenKey(store: Store, realmName: string): Promise<void> {
  const jwk = await generateKey(systemRandom, 'ES256')
  const key = { realmId: `${realmName}-id`, jwk, status: 'active', priority: 100, usableAt: 0 } as const
  await store.transact((tx) => insertKey({ secret, random: systemRandom }, tx, key, at))
}
