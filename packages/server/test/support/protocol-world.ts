/**
 * A realm with keys, two applications and a person, on a real database, with our protocol endpoints on a real
 * HTTP instance: for tests of those endpoints without the engine.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import type { Instant } from '../../src/ambient/clock.ts'
import { createHttp } from '../../src/http/http.ts'
import type { RealmKey, SigningAlgorithm } from '../../src/key/key.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { artifactHash } from '../../src/op/adapter/artifact-hash.ts'
import { createClientKeys, type FetchJson } from '../../src/op/client-keys.ts'
import { registerClientRedirect } from '../../src/op/client-redirect.ts'
import { registerDiscovery } from '../../src/op/discovery.ts'
import { protocolPath, readForm, realmOf, sendDuplicate } from '../../src/op/endpoint.ts'
import { registerIntrospection } from '../../src/op/introspection.ts'
import { legacyLogout } from '../../src/op/legacy-logout.ts'
import { registerRealmInfo } from '../../src/op/realm-info.ts'
import { formatRefreshToken } from '../../src/op/refresh-token-format.ts'
import { registerRevocation } from '../../src/op/revocation.ts'
import { registerCookieProbe } from '../../src/op/session-frame/cookie-probe.ts'
import { registerSessionFrame } from '../../src/op/session-frame/session-frame.ts'
import { registerUserinfo } from '../../src/op/userinfo.ts'
import type { Realm } from '../../src/realm/realm.ts'
import type { Client } from '../../src/rp/client.ts'
import { hashCookie } from '../../src/session/cookie-hash.ts'
import type { Store } from '../../src/store/store.ts'
import type { TestDatabase } from './database.ts'
import { type RealmParts, someClient, someRealm } from './realm-in-memory.ts'

export const accountId = 'account-1'

export interface ProtocolWorld extends AsyncDisposable {
  readonly store: Store
  readonly app: FastifyInstance
  /** Present time; tests move it. */
  at: Instant
  /** Replaced by tests that change the realm: a realm in memory never changes. */
  realm: Realm
  /** Lines of the log: event name and fields. */
  readonly lines: { event: string; fields: Readonly<Record<string, unknown>> }[]
  readonly keys: readonly RealmKey[]
  /** The JSON that applications serve, by address. */
  readonly remote: Map<string, unknown>
  /** Opens a session with these applications; `sid` of each is `sid-<clientId>-<n>`. */
  signIn(clientIds: readonly string[]): Promise<SignedIn>
  accessToken(claims: Readonly<Record<string, unknown>>, key?: RealmKey): Promise<string>
  /** A refresh token with its artifact. */
  refreshToken(of: RefreshTokenParts): Promise<string>
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
  get(path: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  /** The only error event so far, with its sentence. */
  explanation(): string
}

export interface SignedIn {
  readonly uid: string
  readonly cookie: string
  sid(clientId: string): string
}

export interface RefreshTokenParts {
  readonly session: SignedIn
  readonly clientId: string
  readonly typ?: 'Refresh' | 'Offline'
  readonly jti?: string
  readonly issuer?: string
  readonly exp?: number
  readonly iat?: number
  readonly consumedAt?: Instant
  /** No artifact is stored. */
  readonly isUnknown?: boolean
}

const secret = serverSecret(Buffer.alloc(32, 7))

export const wiki = someClient({
  clientId: 'wiki',
  secret: 'wiki-secret',
  webOrigins: ['https://wiki.example'],
  redirectUris: ['https://wiki.example/cb'],
  attributes: { 'backchannel.logout.url': 'https://wiki.example/bcl' },
})
export const spa = someClient({ clientId: 'spa', publicClient: true, webOrigins: ['https://spa.example'] })
export const api = someClient({ clientId: 'api', bearerOnly: true, secret: 'api-secret' })

const keyKinds: readonly SigningAlgorithm[] = ['RS256', 'ES256', 'PS256', 'EdDSA']
let generated: Promise<readonly RealmKey[]> | undefined

export async function openProtocolWorld(
  database: TestDatabase,
  parts: RealmParts = {},
): Promise<ProtocolWorld> {
  generated ??= Promise.all(keyKinds.map(makeKey))
  const keys = await generated
  const time = { at: 1_800_000_000_000 }
  const lines: ProtocolWorld['lines'] = []
  const remote = new Map<string, unknown>()
  const ambient: Ambient = systemAmbient({
    clock: { now: () => time.at },
    log: { write: (_level, event, fields) => void lines.push({ event, fields }) },
  })
  const store = await database.open(ambient)
  const clients = parts.clients ?? [wiki, spa, api]
  const realm = someRealm({ keys, ...parts, clients })
  await insertPeople(store, realm)
  const app = createHttp(
    ambient,
    { isPublicHttps: true, legacyAuthPath: false, trustedProxies: [] },
    (_request, reply) => reply.code(500).send(),
  )
  let sessionCount = 0
  const world: ProtocolWorld = {
    store,
    app,
    get at() {
      return time.at
    },
    set at(at) {
      time.at = at
    },
    realm,
    lines,
    keys,
    remote,
    async signIn(clientIds) {
      sessionCount += 1
      const session = signedIn(sessionCount)
      await insertSession(store, world, session, clientIds)
      return session
    },
    accessToken: (claims, key = keys[0] as RealmKey) => signAccessToken(world, claims, key),
    async refreshToken(of) {
      return makeRefreshToken(world, of)
    },
    post: (path, form, headers = {}) =>
      inject({
        method: 'POST',
        url: `/realms/demo/protocol/openid-connect${path}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        payload: new URLSearchParams(form).toString(),
      }),
    get: (path, headers = {}) => inject({ method: 'GET', url: path, headers }),
    explanation() {
      const found = lines.filter(
        ({ fields }) => 'explanation' in fields && fields['explanation'] !== undefined,
      )
      if (found.length !== 1) throw new Error(`expected one error event, found ${found.length}`)
      return String(found[0]?.fields['explanation'])
    },
    async [Symbol.asyncDispose]() {
      await app.close()
      await store[Symbol.asyncDispose]()
    },
  }
  const inject = (options: InjectOptions): Promise<LightMyRequestResponse> =>
    app.inject({ ...options, headers: { host: 'id.example', ...options.headers } })
  registerAll(app, world, ambient, (url) =>
    remote.has(url) ? Promise.resolve(remote.get(url)) : Promise.reject(new Error('refused')),
  )
  return world
}

function registerAll(
  app: FastifyInstance,
  world: ProtocolWorld,
  ambient: Ambient,
  fetchJson: FetchJson,
): void {
  const { store } = world
  const realms = {
    byName: async (name: string) => (name === world.realm.name ? world.realm : undefined),
    byId: async (id: string) => (id === world.realm.id ? world.realm : undefined),
    names: async () => [world.realm.name],
    invalidate: () => undefined,
  }
  const clientKeys = createClientKeys(fetchJson)
  const deps = { store, realms, ambient, random: ambient.random, log: ambient.log, clientKeys, secret }
  registerUserinfo(app, deps)
  registerIntrospection(app, deps)
  registerRevocation(app, deps)
  registerRealmInfo(app, deps)
  registerClientRedirect(app, deps)
  registerDiscovery(app, deps)
  registerSessionFrame(app, deps)
  registerCookieProbe(app, deps)
  app.post(`${protocolPath}/logout`, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    const form = readForm(request)
    return form.ok
      ? legacyLogout(deps, realm, request, reply, form.values)
      : sendDuplicate(reply, form.duplicate)
  })
}

async function makeKey(algorithm: SigningAlgorithm): Promise<RealmKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = `kid-${algorithm}`
  return {
    kid,
    algorithm,
    status: 'active',
    priority: 100,
    usableAt: 0,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
    privateJwk: { ...(await exportJWK(privateKey)), kid, alg: algorithm },
    privateKey,
    publicKey,
    certificate: undefined,
  }
}

function signedIn(number: number): SignedIn {
  const uid = `session-${number}`
  return { uid, cookie: `cookie-${number}`, sid: (clientId) => `sid-${clientId}-${number}` }
}

async function insertPeople(store: Store, realm: Realm): Promise<void> {
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
    await tx.db
      .insertInto('account')
      .values(accountRow(realm.id, accountId, 'alice', null))
      .execute()
    const service = [...realm.clients.values()].find((client) => client.serviceAccountsEnabled)
    if (service) {
      const username = `service-account-${service.clientId}`
      await tx.db
        .insertInto('account')
        .values(accountRow(realm.id, 'service-1', username, service))
        .execute()
    }
  })
}

function accountRow(realmId: string, id: string, username: string, service: Client | null) {
  return {
    id,
    realm_id: realmId,
    username,
    email: `${username}@example.org`,
    email_verified: 1,
    first_name: 'Alice',
    last_name: 'Ames',
    enabled: 1,
    attributes: '{}',
    representation: '{}',
    not_before: 0,
    service_account_client_uuid: service?.uuid ?? null,
    created_at: 0,
    deleted_at: null,
  }
}

async function insertSession(
  store: Store,
  { at, realm }: ProtocolWorld,
  session: SignedIn,
  clientIds: readonly string[],
): Promise<void> {
  await store.transact(async (tx) => {
    await tx.db
      .insertInto('session')
      .values({
        uid: session.uid,
        realm_id: realm.id,
        account_id: accountId,
        cookie_hash: hashCookie(session.cookie),
        state: 'active',
        created_at: at - 60_000,
        last_active_at: at,
        idle_until: at + 1_800_000,
        ends_at: at + 36_000_000,
        ended_at: null,
        sign_out_id: null,
        remember_me: 0,
        ip_address: null,
        user_agent: null,
        payload: '{}',
      })
      .execute()
    for (const clientId of clientIds) {
      await tx.db
        .insertInto('client_session')
        .values({
          session_uid: session.uid,
          client_id: clientId,
          realm_id: realm.id,
          sid: session.sid(clientId),
          protocol: 'openid-connect',
          grant_id: `grant-${clientId}-${session.uid}`,
          sub: accountId,
          issuer: realm.issuer,
          adapter_session_id: null,
          adapter_session_host: null,
          name_id: null,
          session_index: null,
          started_at: at - 60_000,
          last_active_at: at,
          answered_at: at - 60_000,
          expires_at: at + 36_000_000,
          ended_at: null,
          revoked_at: null,
        })
        .execute()
    }
  })
}

function signAccessToken(
  { at, realm }: ProtocolWorld,
  claims: Readonly<Record<string, unknown>>,
  key: RealmKey,
): Promise<string> {
  const iat = Math.floor(at / 1000) - 10
  const payload = {
    typ: 'Bearer',
    iss: realm.issuer,
    sub: accountId,
    azp: 'wiki',
    jti: createHash('sha256').update(JSON.stringify(claims)).digest('hex'),
    iat,
    exp: iat + 300,
    scope: 'openid profile email',
    ...claims,
  }
  const header = { alg: key.algorithm, kid: key.kid, typ: 'JWT' }
  return new SignJWT(payload).setProtectedHeader(header).sign(key.privateKey)
}

async function makeRefreshToken(world: ProtocolWorld, of: RefreshTokenParts): Promise<string> {
  const { at, realm, store } = world
  const { session, clientId, typ = 'Refresh', jti = `rt-${clientId}-${session.uid}-${typ}` } = of
  const iat = of.iat ?? Math.floor(at / 1000) - 10
  const exp = of.exp ?? iat + 1800
  if (!of.isUnknown) {
    const isOffline = typ === 'Offline'
    await store.transact(async (tx) => {
      await tx.db
        .insertInto('artifact')
        .values({
          id_hash: artifactHash('RefreshToken', jti),
          realm_id: realm.id,
          kind: 'RefreshToken',
          session_uid: session.uid,
          client_id: clientId,
          account_id: accountId,
          grant_id: isOffline ? `offline-${clientId}-${session.uid}` : `grant-${clientId}-${session.uid}`,
          user_code_hash: null,
          uid: null,
          is_offline: isOffline ? 1 : 0,
          payload: '{}',
          created_at: at,
          consumed_at: of.consumedAt ?? null,
          expires_at: exp * 1000,
        })
        .execute()
    })
  }
  const iss = of.issuer ?? realm.issuer
  const sid = session.sid(clientId)
  return formatRefreshToken(secret, realm.id, { typ, iss, jti, azp: clientId, sub: accountId, sid, iat, exp })
}
