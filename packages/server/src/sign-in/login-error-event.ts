/** LOGIN_ERROR in Keycloak's words, with the sentence for the operator. */
import type { Account } from '../account/account.ts'
import type { NewEvent } from '../event/event.ts'
import type { Realm } from '../realm/realm.ts'
import type { SignInSource } from './verify-credentials.ts'

export type SignInFailure =
  | { readonly reason: 'password_wrong' | 'account_unknown' | 'account_disabled' | 'locked_for_now' }
  | {
      readonly reason: 'throttled'
      readonly by: 'path' | 'account' | 'source'
      readonly retryAfterSeconds: number
    }

export interface SignInTry {
  readonly typed: string
  readonly account: Account | undefined
  readonly source: SignInSource
}

export function loginErrorEvent(
  realm: Realm,
  failure: SignInFailure,
  { typed, account, source }: SignInTry,
): NewEvent {
  return {
    type: failure.reason === 'locked_for_now' ? 'USER_DISABLED_BY_TEMPORARY_LOCKOUT_ERROR' : 'LOGIN_ERROR',
    realm,
    clientId: source.clientId,
    accountId: account?.id,
    sessionUid: undefined,
    ipAddress: source.ipAddress,
    signInMethod: 'password',
    error: errorWords[failure.reason],
    // a name that no account has may be a password in the wrong field: it is not kept
    details: { ...source.eventDetails, ...(account ? { username: account.username } : {}) },
    explanation: explain(failure, account?.username ?? `${typed.length} characters`),
  }
}

/** Keycloak's error words. */
const errorWords: Readonly<Record<SignInFailure['reason'], string>> = {
  password_wrong: 'invalid_user_credentials',
  account_unknown: 'user_not_found',
  account_disabled: 'user_disabled',
  locked_for_now: 'user_temporarily_disabled',
  throttled: 'user_temporarily_disabled',
}

function explain(failure: SignInFailure, name: string): string {
  switch (failure.reason) {
    case 'password_wrong':
      return `The password for ${name} was wrong. If this goes on, somebody guesses or an application still uses an old password.`
    case 'account_unknown':
      return `No account of this realm has the name that was typed (${name}). Usually it is a typing mistake, or the account is in another realm.`
    case 'account_disabled':
      return `The password was right, but the account ${name} is disabled. Enable it if the person is to sign in.`
    case 'locked_for_now':
      return `20 wrong passwords for ${name} within an hour: no further try from this path until the hour is over. Devices that ${name} has signed in from before are not affected.`
    case 'throttled':
      return failure.by === 'source'
        ? `This address failed 100 times within an hour at accounts of this realm, so it waits ${failure.retryAfterSeconds} s. If many people share the address, look for one machine behind it.`
        : `There were too many wrong passwords for ${name}, so the next try ${failure.by === 'path' ? 'from this address' : 'from an address that has never signed in to it'} waits ${failure.retryAfterSeconds} s. The password was not looked at.`
  }
}
