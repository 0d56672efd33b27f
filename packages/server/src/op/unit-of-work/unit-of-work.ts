/**
 * Unit of work: what one protocol request wants to write, collected while the engine runs and committed in one
 * short transaction before the response leaves (architecture.md §4, engine.md §8).
 *
 * Terms
 * - pending: an artifact that this request read or wrote, as it will be after the commit.
 * - loaded: a session that this request read, with the client session of the application that asks.
 *
 * Invariants
 * - A read inside the request sees the request's own writes first.
 * - Nothing of a unit is in the database before `commit`, and all of it or nothing after it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Account } from '../../account/account.ts'
import type { Instant } from '../../ambient/clock.ts'
import { type Random, randomId } from '../../ambient/random.ts'
import type { NewEvent } from '../../event/event.ts'
import type { Realm } from '../../realm/realm.ts'
import type { ClientSession, Session } from '../../session/session.ts'
import type { TokenFault } from '../token-fault.ts'

/** Where a request came from, for sessions and events. */
export interface RequestSource {
  readonly ipAddress: string | undefined
  readonly userAgent: string | undefined
}

/** What the engine hands to its adapter: JSON, with the engine's names. */
export type Payload = Record<string, unknown>

/** What of a session decides and is carried on; the rest is not read here. */
export type KnownSession = Pick<
  Session,
  | 'uid'
  | 'accountId'
  | 'state'
  | 'createdAt'
  | 'lastActiveAt'
  | 'idleUntil'
  | 'endsAt'
  | 'rememberMe'
  | 'payload'
>

/** One application of it. */
export type KnownMember = Pick<
  ClientSession,
  'sessionUid' | 'clientId' | 'sid' | 'grantId' | 'startedAt' | 'expiresAt'
>

/** A session as read, with the client sessions that were asked for. */
export interface LoadedSession {
  readonly session: KnownSession
  readonly isAccountEnabled: boolean
  readonly username: string | undefined
  /** By `client_id`; ended ones are left out. */
  readonly clientSessions: ReadonlyMap<string, KnownMember>
}

/** One artifact of the request. */
export interface PendingArtifact {
  readonly kind: string
  readonly idHash: string
  payload: Payload
  expiresAt: Instant | undefined
  /** Made by this request. */
  readonly isNew: boolean
  /** False for one that was only read. */
  isWritten: boolean
  isConsumed: boolean
  isDestroyed: boolean
}

/** The session that the engine saved in this request. */
export interface SavedSession {
  readonly cookieValue: string
  readonly payload: Payload & { readonly uid: string }
}

/** An error of the engine: `error_detail` is for operators and does not go out. */
export interface EngineError {
  readonly error: string
  readonly error_description?: string | undefined
  readonly error_detail?: string | undefined
}

export interface UnitOfWork {
  readonly realm: Realm
  readonly source: RequestSource
  readonly startedAt: Instant
  /** The application that asks, as soon as it is known: narrows what is read of a session. */
  clientId: string | undefined
  readonly artifacts: Map<string, PendingArtifact>
  /** Grants of which every artifact is to be revoked: `kind/grantId`. */
  readonly revocations: Map<string, { readonly kind: string; readonly grantId: string }>
  /** Sessions read, by uid. */
  readonly loaded: Map<string, LoadedSession>
  /** Uid of the session that a cookie value named. */
  readonly uidByCookie: Map<string, string>
  savedSession: SavedSession | undefined
  /** Cookie values under which a session was destroyed; a rotated session is saved again under another. */
  readonly destroyedCookies: Set<string>
  /** Grants that outlive their session, by id, with the session that they began in. */
  readonly offlineGrants: Map<string, string | undefined>
  /** Events to be recorded with the commit. */
  readonly events: NewEvent[]
  /** The error that the engine is answering with. */
  engineError: EngineError | undefined
  /** What broke while the engine ran, where the answer is a 500. */
  fault: unknown
  /** Stands on the page of an error, in its event and in its log line. */
  errorReference: string | undefined
  /** Why a refresh token was not accepted, for the answer and the event. */
  tokenFault: TokenFault | undefined
  /** What the application said of its own session (KK-53). */
  adapterSession: { readonly id: string | undefined; readonly host: string | undefined } | undefined
  /** Client sessions that the engine wanted to notify by itself: always a fault of ours (engine.md §9). */
  readonly engineNotices: { readonly clientId: string; readonly sid: string }[]
  /** Accounts read in this request. */
  readonly accounts: Map<string, Promise<Account | undefined>>
}

export function beginWork(
  realm: Realm,
  source: RequestSource,
  clientId: string | undefined,
  startedAt: Instant,
): UnitOfWork {
  return {
    realm,
    source,
    startedAt,
    clientId,
    artifacts: new Map(),
    revocations: new Map(),
    loaded: new Map(),
    uidByCookie: new Map(),
    savedSession: undefined,
    destroyedCookies: new Set(),
    offlineGrants: new Map(),
    events: [],
    engineError: undefined,
    fault: undefined,
    errorReference: undefined,
    tokenFault: undefined,
    adapterSession: undefined,
    engineNotices: [],
    accounts: new Map(),
  }
}

const storage = new AsyncLocalStorage<UnitOfWork>()

/** Runs `work` so that the engine's adapter finds this unit. */
export function runInWork<T>(unit: UnitOfWork, work: () => Promise<T>): Promise<T> {
  return storage.run(unit, work)
}

/** The unit of the running request. The engine is used inside one only, so its absence is a mistake of ours. */
export function currentWork(): UnitOfWork {
  const unit = storage.getStore()
  if (!unit) throw new TypeError('the protocol engine was used outside a unit of work')
  return unit
}

/** What a person tells support and support searches for; one for each request. */
export function errorReference(random: Random): string {
  const unit = storage.getStore()
  const reference = unit?.errorReference ?? randomId(random, 'er_', 48)
  if (unit) unit.errorReference = reference
  return reference
}

/** True if there is anything that a commit would write. */
export function hasWrites(unit: UnitOfWork): boolean {
  return unit.events.length > 0 || hasChanges(unit)
}

/** True if there is anything to write besides events. */
export function hasChanges(unit: UnitOfWork): boolean {
  if (unit.savedSession || unit.revocations.size > 0) return true
  if (unit.engineNotices.length > 0 || unit.destroyedCookies.size > 0) return true
  for (const { isWritten } of unit.artifacts.values()) if (isWritten) return true
  return false
}
