/** The state in which the chaos begins: a realm with its keys, people, sessions, codes and tokens; all committed. */
import { artifactHash } from '../../src/op/adapter/artifact-hash.ts'
import { hashCookie } from '../../src/session/cookie-hash.ts'
import { simulatedKey } from './keys.ts'
import type { SessionPlan } from './plan.ts'
import { type RegisteredClient, realmId } from './realm-history.ts'
import type { World } from './world.ts'

/** Codes and refresh tokens that applications hold when the chaos begins. */
export interface HeldArtifact {
  readonly kind: 'AuthorizationCode' | 'RefreshToken'
  readonly id: string
}

/** The same in every run: opening a key costs more than using it. */
const firstKeys = (['RS256', 'ES256', 'EdDSA'] as const).map((algorithm) =>
  simulatedKey(`first-${algorithm}`, algorithm, 100, 0),
)

const longMs = 36_000_000
const issuer = 'http://localhost/realms/test'

export function urlOf(world: World, clientId: string, version: number): string {
  const client = world.plan.clients.find((one) => one.clientId === clientId)
  const host = client?.isBlocked ? `10.0.0.${world.plan.clients.indexOf(client) + 1}` : `${clientId}.example`
  return `https://${host}/bc${version}`
}

export function setUp(world: World): readonly HeldArtifact[] {
  const { engine, plan, startedAt } = world
  const clients = plan.clients.map((client): [string, RegisteredClient] => [
    client.clientId,
    {
      clientId: client.clientId,
      url: client.hasChannel ? urlOf(world, client.clientId, 1) : undefined,
      algorithm: client.algorithm,
      isDeleted: false,
    },
  ])
  world.realm.configurations.set(1, { clients: new Map(clients), keys: firstKeys })
  world.realm.committedAt.set(1, startedAt - 1000)
  world.realm.version = 1
  engine.put('realm', [
    {
      id: realmId,
      name: 'test',
      enabled: 1,
      cookie_key: 'test',
      representation: '{}',
      not_before: 0,
      version: 1,
      created_at: 0,
      deleted_at: null,
    },
  ])
  engine.put('account', ['alice', 'bob'].map(accountRow))
  return plan.sessions.flatMap((session) => putSession(world, session))
}

function accountRow(id: string) {
  return {
    id,
    realm_id: realmId,
    username: id,
    email: null,
    email_verified: 0,
    first_name: null,
    last_name: null,
    enabled: 1,
    attributes: '{}',
    representation: '{}',
    not_before: 0,
    service_account_client_uuid: null,
    created_at: 0,
    deleted_at: null,
  }
}

function putSession(
  world: World,
  { uid, accountId, joined, idleEndsMs }: SessionPlan,
): readonly HeldArtifact[] {
  const { startedAt, engine } = world
  engine.put('session', [
    {
      uid,
      realm_id: realmId,
      account_id: accountId,
      cookie_hash: hashCookie(`cookie-${uid}`),
      state: 'active',
      created_at: startedAt,
      last_active_at: startedAt,
      idle_until: idleEndsMs === undefined ? startedAt + longMs : startedAt + idleEndsMs,
      ends_at: startedAt + longMs,
      ended_at: null,
      sign_out_id: null,
      remember_me: 0,
      ip_address: null,
      user_agent: null,
      payload: '{}',
    },
  ])
  return joined.flatMap((clientId) => putMember(world, uid, accountId, clientId))
}

function putMember(world: World, uid: string, accountId: string, clientId: string): readonly HeldArtifact[] {
  const { startedAt, engine, plan } = world
  const sid = `sid_${uid}_${clientId}`
  const grantId = `g_${uid}_${clientId}`
  engine.put('client_session', [
    {
      session_uid: uid,
      client_id: clientId,
      realm_id: realmId,
      sid,
      protocol: 'openid-connect',
      grant_id: grantId,
      sub: accountId,
      issuer,
      adapter_session_id: null,
      adapter_session_host: null,
      name_id: null,
      session_index: null,
      started_at: startedAt,
      last_active_at: startedAt,
      answered_at: startedAt,
      expires_at: startedAt + plan.clientSessionMaxSeconds * 1000,
      ended_at: null,
      revoked_at: null,
    },
  ])
  world.members.set(sid, { sid, clientId, sessionUid: uid, sub: accountId })
  const held: HeldArtifact[] = [
    { kind: 'AuthorizationCode', id: `code_${uid}_${clientId}` },
    { kind: 'RefreshToken', id: `rt_${uid}_${clientId}` },
  ]
  engine.put(
    'artifact',
    held.map(({ kind, id }) => ({
      id_hash: artifactHash(kind, id),
      realm_id: realmId,
      kind,
      session_uid: uid,
      client_id: clientId,
      account_id: accountId,
      grant_id: grantId,
      user_code_hash: null,
      uid: null,
      is_offline: 0,
      payload: JSON.stringify({ sessionUid: uid, clientId, accountId, grantId }),
      created_at: startedAt,
      consumed_at: null,
      expires_at: null,
    })),
  )
  return held
}
