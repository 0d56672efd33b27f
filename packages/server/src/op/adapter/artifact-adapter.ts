/** Codes, refresh tokens, grants, interactions and the rest of what the engine stores, as rows of `artifact`. */
import { hash } from 'node:crypto'
import { inOrder } from '../../ambient/in-order.ts'
import { compiledQuery } from '../../store/compiled-query.ts'
import type { Queryable } from '../../store/store.ts'
import { findDerivedGrant, isDerivedGrantId } from '../derived-grant.ts'
import { loadAccountOfArtifact } from '../find-account.ts'
import {
  currentWork,
  type Payload,
  type PendingArtifact,
  type UnitOfWork,
} from '../unit-of-work/unit-of-work.ts'
import type { EngineAdapter } from './adapter.ts'
import { artifactHash } from './artifact-hash.ts'
import { readSessionOfArtifact } from './read-session.ts'

export function createArtifactAdapter(kind: string, on: Queryable): EngineAdapter {
  const read = async (work: UnitOfWork, idHash: string): Promise<PendingArtifact | undefined> => {
    const known = work.artifacts.get(idHash)
    if (known) return known
    const [[row]] = await inOrder([
      byHash(on, { realmId: work.realm.id, idHash }),
      derivesTokens.has(kind) ? loadBehind(on, work, idHash) : Promise.resolve(),
    ])
    return row && keep(work, kind, idHash, row)
  }
  return {
    async find(id) {
      const work = currentWork()
      if (kind === 'Grant' && isDerivedGrantId(id)) {
        return work.revocations.has(revocationKey('Grant', id)) ? undefined : findDerivedGrant(work, id)
      }
      const artifact = await read(work, artifactHash(kind, id))
      return artifact && visiblePayload(work, artifact, id)
    },
    async findByUid() {
      return undefined
    },
    async findByUserCode(userCode) {
      const work = currentWork()
      const [row] = await byUserCode(on, { realmId: work.realm.id, hash: userCodeHash(userCode) })
      const artifact = row && (work.artifacts.get(row.id_hash) ?? keep(work, kind, row.id_hash, row))
      return artifact && visiblePayload(work, artifact, undefined)
    },
    async upsert(id, payload, ttlSeconds) {
      const work = currentWork()
      const idHash = artifactHash(kind, id)
      work.artifacts.set(idHash, {
        kind,
        idHash,
        payload: storedPayload(kind, id, payload),
        expiresAt: ttlSeconds ? work.startedAt + ttlSeconds * 1000 : undefined,
        isNew: true,
        isWritten: true,
        isConsumed: payload['consumed'] !== undefined,
        isDestroyed: false,
      })
    },
    async consume(id) {
      const artifact = await read(currentWork(), artifactHash(kind, id))
      if (!artifact) return
      artifact.isConsumed = true
      artifact.isWritten = true
    },
    async destroy(id) {
      const work = currentWork()
      if (kind === 'Grant' && isDerivedGrantId(id)) {
        work.revocations.set(revocationKey('Grant', id), { kind: 'Grant', grantId: id })
        return
      }
      const artifact = await read(work, artifactHash(kind, id))
      if (!artifact) return
      artifact.isDestroyed = true
      artifact.isWritten = true
    },
    async revokeByGrantId(grantId) {
      // access tokens are not stored
      if (kind === 'AccessToken') return
      currentWork().revocations.set(revocationKey(kind, grantId), { kind, grantId })
    },
  }
}

/** What tokens are asked for with: the engine looks at the session and the account of each next. */
const derivesTokens: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken'])

/** Asked for together with the code or token itself: one answer of the database instead of three. */
async function loadBehind(on: Queryable, work: UnitOfWork, idHash: string): Promise<void> {
  const [loaded] = await inOrder([
    readSessionOfArtifact(on, work.realm.id, idHash),
    loadAccountOfArtifact(on, work, idHash),
  ])
  if (loaded && !work.loaded.has(loaded.session.uid)) work.loaded.set(loaded.session.uid, loaded)
}

const columns = ['id_hash', 'payload', 'consumed_at', 'expires_at'] as const

const byHash = compiledQuery(['realmId', 'idHash'], (db, value) =>
  db
    .selectFrom('artifact')
    .where('id_hash', '=', value.idHash)
    .where('realm_id', '=', value.realmId)
    .select(columns),
)

const byUserCode = compiledQuery(['realmId', 'hash'], (db, value) =>
  db
    .selectFrom('artifact')
    .where('user_code_hash', '=', value.hash)
    .where('realm_id', '=', value.realmId)
    .select(columns),
)

export function userCodeHash(userCode: string): string {
  return hash('sha256', `UserCode/${userCode}`, 'base64url')
}

function keep(
  work: UnitOfWork,
  kind: string,
  idHash: string,
  row: { payload: string; consumed_at: number | null; expires_at: number | null },
): PendingArtifact {
  const payload = JSON.parse(row.payload) as Payload
  if (row.consumed_at !== null) payload['consumed'] = Math.floor(row.consumed_at / 1000)
  // the row decides: the end of an offline grant moves without its payload being written again
  if (row.expires_at !== null) payload['exp'] = Math.ceil(row.expires_at / 1000)
  const artifact = {
    kind,
    idHash,
    payload,
    expiresAt: row.expires_at ?? undefined,
    isNew: false,
    isWritten: false,
    isConsumed: row.consumed_at !== null,
    isDestroyed: false,
  }
  work.artifacts.set(idHash, artifact)
  // from here on it is known which client session matters
  if (typeof payload['clientId'] === 'string') work.clientId ??= payload['clientId']
  return artifact
}

/** Ids are bearer values and stay out of the row; so does the session's cookie, which the engine never reads. */
function storedPayload(kind: string, id: string, { jti: _, ...payload }: Payload): Payload {
  // a grant's id opens nothing by itself; codes and tokens name it
  if (kind === 'Grant') return { ...payload, grantId: id }
  if (kind !== 'Interaction' || !isRecord(payload['session'])) return payload
  const { cookie: __, ...session } = payload['session']
  return { ...payload, session }
}

function visiblePayload(
  work: UnitOfWork,
  artifact: PendingArtifact,
  id: string | undefined,
): Payload | undefined {
  const { payload, kind } = artifact
  if (artifact.isDestroyed) return undefined
  const { grantId } = payload
  if (typeof grantId === 'string' && work.revocations.has(revocationKey(kind, grantId))) return undefined
  return {
    ...payload,
    ...(id === undefined ? {} : { jti: id }),
    ...(artifact.isConsumed && payload['consumed'] === undefined
      ? { consumed: Math.floor(work.startedAt / 1000) }
      : {}),
  }
}

function revocationKey(kind: string, grantId: string): string {
  return `${kind}/${grantId}`
}

function isRecord(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null
}
