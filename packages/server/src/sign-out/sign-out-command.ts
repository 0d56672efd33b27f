/** What can be asked of `signOut`: one shape for every cause (I11). */

/** Whose sessions end. */
export type SignOutScope =
  | { readonly kind: 'session'; readonly sessionUid: string }
  | { readonly kind: 'application'; readonly sessionUid: string; readonly clientId: string }
  | { readonly kind: 'account'; readonly accountId: string; readonly exceptSessionUid?: string }
  | { readonly kind: 'realm'; readonly exceptSessionUid?: string }

/** Why; the words of `cause` in the LOGOUT event and of the sign-out's row. */
export type SignOutCause =
  | 'rp_initiated'
  | 'legacy_refresh_token'
  | 'result_page'
  | 'account_page'
  | 'administrator'
  | 'session_idle'
  | 'session_max_lifespan'
  | 'account_switched'
  | 'account_disabled'
  | 'account_deleted'
  | 'password_reset'
  | 'refresh_token_reused'
  | 'token_revoked'
  | 'client_deleted'
  | 'consent_revoked'
  | 'restored'
  | 'engine'

export type SignOutInitiator = 'user' | 'admin' | 'app' | 'expiry' | 'api' | 'upstream'

export interface SignOutCommand {
  readonly realmId: string
  readonly scope: SignOutScope
  /** `ordinary` keeps offline grants; `security` ends everything (SR-06). */
  readonly kind: 'ordinary' | 'security'
  readonly cause: SignOutCause
  readonly initiator: SignOutInitiator
  readonly actor: {
    readonly accountId?: string | undefined
    readonly clientId?: string | undefined
    readonly ipAddress?: string | undefined
  }
  /** True when a browser is there to carry front-channel notices (KN-12). */
  readonly hasBrowser?: boolean
  /** Further details of the LOGOUT event, in order: `redirect_uri`, `response_mode`, … (KE-05). */
  readonly eventDetails?: Readonly<Record<string, string>>
}

export type SignOutResult =
  | {
      readonly ok: true
      readonly signOutId: string
      /** False when somebody was first: the id is theirs (SR-09). */
      readonly isFirst: boolean
      /** Applications that are told, and applications that cannot be. */
      readonly applicationCount: number
    }
  | { readonly ok: false; readonly reason: 'session_unknown' | 'account_unknown' | 'application_unknown' }
