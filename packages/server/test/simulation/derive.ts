/**
 * What people and applications get from a session, through the product's own unit of work (op/unit-of-work): the
 * units are filled here as the protocol engine fills them, and committed by the product.
 */
import { randomId } from '../../src/ambient/random.ts'
import { artifactHash } from '../../src/op/adapter/artifact-hash.ts'
import { readLoadedSession } from '../../src/op/adapter/read-session.ts'
import { type CommitResult, commit, type DerivedFrom } from '../../src/op/unit-of-work/commit.ts'
import {
  beginWork,
  type LoadedSession,
  type PendingArtifact,
  type UnitOfWork,
} from '../../src/op/unit-of-work/unit-of-work.ts'
import { isAlive } from '../../src/session/session.ts'
import type { SimulatedProcess } from './process.ts'
import { realmId } from './realm-history.ts'
import type { World } from './world.ts'

export type Derived =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly reason: string }

const source = { ipAddress: '127.0.0.1', userAgent: 'simulated' }

/** A person signs in: a session begins. */
export async function signIn(
  world: World,
  process: SimulatedProcess,
  uid: string,
  accountId: string,
): Promise<Derived> {
  const work = await begin(process, undefined)
  if (!work) return refused('realm_gone')
  work.savedSession = { cookieValue: `cookie-${uid}`, payload: { uid, accountId } }
  return finish(world, process, work, { kind: 'signIn', sessionUid: uid, accountId }, uid)
}

/** An application sends the browser; the session answers with a code, and the application is in it. */
export async function authorize(
  world: World,
  process: SimulatedProcess,
  uid: string,
  clientId: string,
): Promise<Derived> {
  for (let tryNumber = 1; ; tryNumber++) {
    const work = await begin(process, clientId)
    const loaded = work && (await load(process, work, uid, clientId))
    if (!work || !loaded) return refused('login_required')
    const { accountId } = loaded.session
    const known = loaded.clientSessions.get(clientId)
    const sid = known?.sid ?? randomId(world.productRandom, 'sid_')
    const grantId = known?.grantId ?? randomId(world.productRandom, 'g_')
    const code = randomId(world.productRandom, 'code_')
    work.savedSession = {
      cookieValue: `cookie-${uid}`,
      payload: { uid, accountId, authorizations: { [clientId]: { sid, grantId } } },
    }
    addArtifact(work, 'AuthorizationCode', code, { sessionUid: uid, clientId, accountId, grantId })
    const result = await finish(world, process, work, { kind: 'authorize', sessionUid: uid, accountId }, code)
    if (result.ok || result.reason !== 'other_client_session' || tryNumber === 3) return result
  }
}

/** The application exchanges its code for tokens. */
export function exchange(world: World, process: SimulatedProcess, code: string): Promise<Derived> {
  return useArtifact(world, process, 'exchange', 'AuthorizationCode', code)
}

/** The application refreshes; the old token is rotated out. */
export function refresh(world: World, process: SimulatedProcess, token: string): Promise<Derived> {
  return useArtifact(world, process, 'refresh', 'RefreshToken', token)
}

async function useArtifact(
  world: World,
  process: SimulatedProcess,
  kind: 'exchange' | 'refresh',
  artifactKind: 'AuthorizationCode' | 'RefreshToken',
  id: string,
): Promise<Derived> {
  const idHash = artifactHash(artifactKind, id)
  const row = await process.stores.view.read.db
    .selectFrom('artifact')
    .select(['payload', 'consumed_at', 'client_id'])
    .where('id_hash', '=', idHash)
    .executeTakeFirst()
  if (!row || row.consumed_at !== null) return refused('invalid_grant')
  const payload = JSON.parse(row.payload) as Record<string, string>
  const { sessionUid = '', clientId = '', accountId = '', grantId = '' } = payload
  const work = await begin(process, clientId)
  const loaded = work && (await load(process, work, sessionUid, clientId))
  if (!work || !loaded) return refused('invalid_grant')
  if (loaded.clientSessions.get(clientId)?.grantId !== grantId) return refused('grant_gone')
  work.artifacts.set(idHash, {
    ...pendingArtifact(artifactKind, idHash, payload),
    isNew: false,
    isConsumed: true,
  })
  const token = randomId(world.productRandom, 'rt_')
  addArtifact(work, 'RefreshToken', token, { ...payload, expiresWithSession: true })
  const result = await finish(world, process, work, { kind, sessionUid, accountId, givesTokens: true }, token)
  if (result.ok) noteUse(world, id)
  return result
}

/** R3: a code or a token gives tokens once, whatever runs beside it. */
function noteUse(world: World, id: string): void {
  if (world.used.has(id)) world.scheduler.fail(new Error(`I1: ${id} gave tokens twice (R3)`))
  world.used.add(id)
}

async function begin(
  process: SimulatedProcess,
  clientId: string | undefined,
): Promise<UnitOfWork | undefined> {
  const realm = await process.realms.byId(realmId)
  return realm && beginWork(realm, source, clientId, process.ambient.clock.now())
}

async function load(
  process: SimulatedProcess,
  work: UnitOfWork,
  uid: string,
  clientId: string,
): Promise<LoadedSession | undefined> {
  const by = { column: 's.uid', key: uid } as const
  const loaded = await readLoadedSession(process.stores.view.read, realmId, by, clientId)
  if (!loaded || !isAlive(loaded.session, process.ambient.clock.now())) return undefined
  work.loaded.set(uid, loaded)
  work.uidByCookie.set(`cookie-${uid}`, uid)
  return loaded
}

function addArtifact(work: UnitOfWork, kind: string, id: string, payload: Record<string, unknown>): void {
  const idHash = artifactHash(kind, id)
  work.artifacts.set(idHash, pendingArtifact(kind, idHash, payload))
}

function pendingArtifact(kind: string, idHash: string, payload: Record<string, unknown>): PendingArtifact {
  return {
    kind,
    idHash,
    payload,
    expiresAt: undefined,
    isNew: true,
    isWritten: true,
    isConsumed: false,
    isDestroyed: false,
  }
}

async function finish(
  world: World,
  process: SimulatedProcess,
  work: UnitOfWork,
  from: Pick<DerivedFrom, 'kind' | 'sessionUid' | 'accountId'> & Partial<DerivedFrom>,
  id: string,
): Promise<Derived> {
  const { ambient, realms, stores } = process
  const deps = { store: stores[from.kind], realms, ambient, random: ambient.random, log: ambient.log }
  const whole: DerivedFrom = {
    offlineGrantId: undefined,
    keptTokenHash: undefined,
    givesTokens: false,
    ...from,
  }
  const result: CommitResult = await commit(deps, work, whole)
  world.history.add(`${from.kind} ${id} ${result.ok ? 'ok' : result.refusal.reason}`)
  return result.ok ? { ok: true, id } : refused(result.refusal.reason)
}

function refused(reason: string): Derived {
  return { ok: false, reason }
}
