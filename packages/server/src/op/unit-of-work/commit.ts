/**
 * Commits a unit of work: one transaction that awaits nothing but the database (engine.md §8.2).
 *
 * lock the session → check it → consume → client sessions → session row → artifacts → revocations → events
 *
 * What the checks find is a value; the caller drops the prepared response and answers with the protocol's error.
 */
import type { Ambient } from '../../ambient/ambient.ts'
import { type GateName, openGate } from '../../ambient/gate.ts'
import { type EventDeps, recordEvent, recordEventForAnswer } from '../../event/record-event.ts'
import type { Realms } from '../../realm/realm.ts'
import type { SignOutListeners } from '../../sign-out/closing.ts'
import type { Store, Tx } from '../../store/store.ts'
import { closeWhatTheEngineEnded } from './close-what-the-engine-ended.ts'
import { isReadOutdated, lockAndCheck } from './lock-and-check.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { hasChanges, type UnitOfWork } from './unit-of-work.ts'
import { consumeArtifacts, demandKeptToken, extendOfflineGrant, writeArtifacts } from './write-artifacts.ts'
import { demandMembers, writeSession } from './write-session.ts'

export interface CommitDeps extends EventDeps, SignOutListeners {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
}

/** What a request derives; names its gates. */
export type WorkKind = 'authorize' | 'exchange' | 'refresh' | 'signIn'

/** What the request derives from, as the engine found it. */
export interface DerivedFrom {
  readonly kind: WorkKind
  /** Sessions that must be alive at the commit. */
  readonly sessionUid: string | undefined
  /** Undefined for a client that acts for itself. */
  readonly accountId: string | undefined
  /** Set when the tokens outlive the session: then this grant must still be there, and the session need not. */
  readonly offlineGrantId: string | undefined
  /** The stored refresh token that the request used and did not replace. */
  readonly keptTokenHash: string | undefined
  /** True when tokens leave with the response: SR-19 counts from then, and what Keycloak's adapters said is kept. */
  readonly givesTokens: boolean
}

export type CommitResult = { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal }

/** @throws CURFEW_STORE_UNAVAILABLE when the database is away or the outcome is unknown */
export async function commit(deps: CommitDeps, work: UnitOfWork, from: DerivedFrom): Promise<CommitResult> {
  const { store, ambient } = deps
  await ambient.gate(beforeCommit[from.kind], from.sessionUid)
  if (isOnlyTold(work, from)) {
    const at = ambient.clock.now()
    await Promise.all(work.events.map((event) => recordEventForAnswer(deps, store, event, at)))
    await ambient.gate(afterCommit[from.kind], from.sessionUid)
    return { ok: true }
  }
  const transact = (isReadAgain: boolean) => store.transact((tx) => write(deps, tx, work, from, isReadAgain))
  try {
    await transact(false).catch((error: unknown) => {
      if (!isReadOutdated(error)) throw error
      return transact(true)
    })
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal) return { ok: false, refusal }
    throw error
  }
  await ambient.gate(afterCommit[from.kind], from.sessionUid)
  return { ok: true }
}

/** A client that acts for itself gets its tokens from nothing that could have ended meanwhile. */
function isOnlyTold(work: UnitOfWork, from: DerivedFrom): boolean {
  const { sessionUid, accountId, offlineGrantId, keptTokenHash } = from
  const derivesFrom = sessionUid ?? accountId ?? offlineGrantId ?? keptTokenHash
  return derivesFrom === undefined && !hasChanges(work)
}

async function write(
  deps: CommitDeps,
  tx: Tx,
  work: UnitOfWork,
  from: DerivedFrom,
  isReadAgain: boolean,
): Promise<void> {
  const at = deps.ambient.clock.now()
  // the lock first: each of the others sees what is so once it is held
  const { session: locked, isHeld } = await lockAndCheck(tx, work, from, at, isReadAgain)
  const gate = afterLock[from.kind]
  if (gate && deps.ambient.gate !== openGate) {
    // who stops here counts on the lock; otherwise nobody waits for it
    await isHeld
    await deps.ambient.gate(gate, from.sessionUid)
  }
  consumeArtifacts(tx, work, at)
  demandKeptToken(tx, from.keptTokenHash)
  demandMembers(tx, work, from.sessionUid)
  await writeSession(deps, tx, work, { ...from, locked }, at)
  extendOfflineGrant(tx, work, from, at)
  await writeArtifacts(tx, work, at)
  await closeWhatTheEngineEnded(deps, tx, work, at)
  for (const event of work.events) tx.withCommit(recordEvent(deps, tx, event, at))
}

const beforeCommit = {
  authorize: 'authorize.beforeCommit',
  exchange: 'exchange.beforeCommit',
  refresh: 'refresh.beforeCommit',
  signIn: 'signIn.beforeCommit',
} as const satisfies Record<WorkKind, GateName>

const afterCommit = {
  authorize: 'authorize.afterCommit',
  exchange: 'exchange.afterCommit',
  refresh: 'refresh.afterCommit',
  signIn: 'signIn.afterCommit',
} as const satisfies Record<WorkKind, GateName>

const afterLock: Readonly<Record<WorkKind, GateName | undefined>> = {
  authorize: undefined,
  exchange: 'exchange.afterLock',
  refresh: 'refresh.afterLock',
  signIn: undefined,
}
