/**
 * Sign-out: the decision that a session ends, and the promise that every application of it is told.
 *
 * Terms
 * - sign-out: one decision, with an id `so_…`; one per session, whoever asks (I11).
 * - parent: a sign-out over many sessions; each of them gets a sign-out of its own below it (D18).
 * - wide: more than one transaction may write. The door is closed by the first one, `spread-sign-out.ts` goes on (D18).
 * - ordinary, security: whether offline grants survive (SR-06).
 *
 * Invariants
 * - I1: after the commit nothing derived from the session can be used to get anything new.
 * - I2: the same commit writes one delivery for each application and channel of the session; of a wide one it
 *   freezes the list, and a durable job writes the rows.
 * - I11: one path for every cause; the first cause wins and later ones get its id.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 §2, OpenID Connect Back-Channel Logout 1.0 §2
 */
import type { Ambient } from '../ambient/ambient.ts'
import type { Instant } from '../ambient/clock.ts'
import type { EventDeps } from '../event/record-event.ts'
import type { Realms } from '../realm/realm.ts'
import type { Store, Tx } from '../store/store.ts'
import { closeAccount } from './close-account.ts'
import { closeApplication } from './close-application.ts'
import { closeRealm } from './close-realm.ts'
import { closeSession } from './close-session.ts'
import type { ClosingDeps, ClosingLimits, SignOutListeners } from './closing.ts'
import type { SignOutCommand, SignOutResult } from './sign-out-command.ts'

export interface SignOutDeps extends EventDeps, ClosingLimits, SignOutListeners {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
}

/** What the same transaction changes beside the sessions: an account is disabled, an admin event is written. */
export interface Alongside {
  /** Runs before the sessions are listed: a row that a sign-in locks too must be changed first. */
  readonly before?: (tx: Tx, at: Instant) => Promise<void>
  readonly after?: (tx: Tx, result: SignOutResult, at: Instant) => Promise<void>
}

/**
 * Ends what the command names and writes the deliveries, in one transaction; returns when that is durable.
 * Nobody has been told yet: the dispatcher is awake (`delivery/`), and the caller may wait for the first round.
 * @throws CURFEW_STORE_UNAVAILABLE when the database is away: nothing was ended, the caller answers with an error
 */
export async function signOut(
  deps: SignOutDeps,
  command: SignOutCommand,
  alongside: Alongside = {},
): Promise<SignOutResult> {
  const { store, realms, ambient } = deps
  const realm = await realms.byId(command.realmId)
  if (!realm) return { ok: false, reason: 'session_unknown' }
  await ambient.gate('signOut.beforeLock')
  const closing: ClosingDeps = { ...deps, realm, gate: ambient.gate }
  const result = await store.transact(async (tx) => {
    const at = ambient.clock.now()
    await alongside.before?.(tx, at)
    const closed = await close(closing, command, tx, at)
    await alongside.after?.(tx, closed, at)
    return closed
  })
  await ambient.gate('signOut.afterCommit')
  return result
}

function close(deps: ClosingDeps, command: SignOutCommand, tx: Tx, at: Instant): Promise<SignOutResult> {
  const { scope } = command
  switch (scope.kind) {
    case 'session':
      return closeSession(deps, tx, command, scope, at)
    case 'application':
      return closeApplication(deps, tx, command, scope, at)
    case 'account':
      return closeAccount(deps, tx, command, scope, at)
    case 'realm':
      return closeRealm(deps, tx, command, scope, at)
  }
}
