/**
 * Checks a user name and a password. Every way to sign in with a password comes through here (the page, the
 * password grant), so the limit on guessing is the same on every path (CVE-2026-9798).
 *
 * What the person is told does not say whether the account exists: an unknown name costs the same time and gets
 * the same answer as a wrong password. That an account is switched off is told only to who knows its password.
 * The events say exactly what was wrong; they are for operators.
 */
import type { Account } from '../account/account.ts'
import { findPassword, rehashPassword } from '../account/credential.ts'
import { findAccountByLogin } from '../account/find-account.ts'
import type { PasswordPool } from '../account/password-pool.ts'
import type { Instant } from '../ambient/clock.ts'
import { type EventDeps, recordEventAlone } from '../event/record-event.ts'
import type { Realm } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'
import type { GuessLines } from './guess-line.ts'
import { type AdmittedGuess, admitGuess, clearGuesses, countGuess } from './guessing-limit.ts'
import { loginErrorEvent, type SignInFailure } from './login-error-event.ts'

export interface CredentialDeps extends EventDeps {
  readonly store: Store
  readonly passwords: PasswordPool
  readonly guessLines: GuessLines
}

/** Where the try comes from. */
export interface SignInSource {
  readonly ipAddress: string | undefined
  /** The application that asks for the sign-in. */
  readonly clientId: string | undefined
  /** Details of the event, in order: `auth_method`, `redirect_uri`, … */
  readonly eventDetails?: Readonly<Record<string, string>>
}

export type VerifiedCredentials =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly reason: 'invalid' | 'disabled' }
  | { readonly ok: false; readonly reason: 'busy' | 'throttled'; readonly retryAfterSeconds: number }

/** Longer names belong to nobody. */
const loginLengthMax = 255

/** How long a page asks to wait when the pool is full: its whole queue takes about a second (security.md). */
const busyRetrySeconds = 2

/** @throws CURFEW_STORE_UNAVAILABLE */
export async function verifyCredentials(
  deps: CredentialDeps,
  realm: Realm,
  login: string,
  password: string,
  source: SignInSource,
  at: Instant,
): Promise<VerifiedCredentials> {
  const typed = login.trim().slice(0, loginLengthMax + 1)
  const { id, settings } = realm
  const found =
    typed.length > loginLengthMax
      ? undefined
      : await findAccountByLogin(
          deps.store.read,
          { id, loginWithEmailAllowed: settings.loginWithEmailAllowed },
          typed,
        )
  const fail = (failure: SignInFailure): void => {
    void recordEventAlone(
      deps,
      deps.store,
      loginErrorEvent(realm, failure, { typed, account: found, source }),
      at,
    )
  }

  const subject = found ? { accountId: found.id } : { login: typed.toLowerCase() }
  const guess = { realmId: id, subject, ipAddress: source.ipAddress }
  const admission = await admitGuess({ on: deps.store.read, lines: deps.guessLines }, guess, at)
  if (admission.reason === 'crowded') return busy
  if (admission.reason === 'throttled') {
    const { by, retryAfterSeconds } = admission
    fail({ reason: 'throttled', by, retryAfterSeconds })
    return { ok: false, reason: 'throttled', retryAfterSeconds }
  }
  using admitted = admission.guess
  const verdict = await checkPassword(deps, found, password, admitted)
  if (verdict === 'busy') return busy
  if (verdict === 'wrong' || !found) {
    const { isLast } = await deps.store.transact((tx) => countGuess(tx, admitted, at))
    fail({ reason: found ? 'password_wrong' : 'account_unknown' })
    if (isLast) fail({ reason: 'locked_for_now' })
    return { ok: false, reason: 'invalid' }
  }
  if (found.enabled) return { ok: true, account: found }
  fail({ reason: 'account_disabled' })
  return { ok: false, reason: 'disabled' }
}

const busy = { ok: false, reason: 'busy', retryAfterSeconds: busyRetrySeconds } as const

/** Does the work of one query and one hash in every case. A right password takes the person's failures away. */
async function checkPassword(
  { store, passwords }: CredentialDeps,
  account: Account | undefined,
  password: string,
  guess: AdmittedGuess,
): Promise<'right' | 'wrong' | 'busy'> {
  const kept = await findPassword(store.read, account?.id ?? '')
  const verdict = await passwords.check(kept?.stored, password)
  if (verdict.outcome !== 'right') return verdict.outcome
  const { rehashed } = verdict
  if (!guess.hasFailures && !rehashed) return 'right'
  await store.transact(async (tx) => {
    await clearGuesses(tx, guess)
    if (kept && rehashed) await rehashPassword(tx, kept.credentialId, kept.stored, rehashed)
  })
  return 'right'
}
