/**
 * The engine's undocumented members, touched here and nowhere else (engine.md §2). Classes are made per
 * Provider, so a change to one realm's class leaves the others alone; a contract test holds each of them.
 */
import type Provider from 'oidc-provider'
import type { Payload } from './unit-of-work/unit-of-work.ts'

export interface EngineHooks {
  /** Exact match and Keycloak's trailing `*` (SR-22) in place of the engine's comparison. */
  isRedirectUriAllowed(clientId: string, uri: string): boolean
  /** Called instead of sending a logout token. */
  noteNotice(clientId: string, sid: string): void
  /** The ID token as the application gets it. */
  signIdToken(token: IdTokenParts): Promise<string>
  /** The access token as the application gets it; it is not stored. */
  signAccessToken(token: AccessTokenParts): Promise<string>
  /** The refresh token as the application gets it. */
  formatRefreshToken(token: RefreshTokenParts): string
  /** The artifact id that a refresh token names, or undefined when it is not one of ours. */
  readRefreshToken(value: string): string | undefined
}

export interface IdTokenParts {
  readonly clientId: string
  /** What the account said, with `sub`, `acr`, `amr` and `auth_time`. */
  readonly available: Payload
  /** What the engine adds: `nonce`, `sid`. */
  readonly extra: Payload
}

export interface AccessTokenParts {
  readonly jti: string
  readonly clientId: string
  /** Absent for a client that acts for itself. */
  readonly accountId?: string | undefined
  readonly scope?: string | undefined
  readonly sid?: string | undefined
  readonly sessionUid?: string | undefined
  /** Seconds. */
  readonly expiration: number
  /** Thumbprints of the keys that it is bound to (RFC 9449 §6.1, RFC 8705 §3.1). */
  readonly jkt?: string | undefined
  readonly 'x5t#S256'?: string | undefined
}

export interface RefreshTokenParts {
  readonly jti: string
  readonly clientId: string
  readonly accountId: string
  readonly sid: string | undefined
  readonly scope: string | undefined
  readonly sessionUid: string | undefined
  readonly expiresWithSession: boolean
}

interface StoredValue {
  readonly value: string
  readonly payload?: Payload
}

type ClientPrototype = { clientId: string } & Record<string, unknown>
type AccessTokenPrototype = AccessTokenParts & { getValueAndPayload(): Promise<StoredValue> }
type RefreshTokenPrototype = RefreshTokenParts & { getValueAndPayload(): Promise<StoredValue> }
type IdTokenPrototype = {
  client: { clientId: string }
  available: Payload
  extra: Payload
  issue(options?: { readonly use?: string }): Promise<string>
}
interface RefreshTokenClass {
  prototype: RefreshTokenPrototype
  find(value: string, options?: object): Promise<unknown>
}

export function overrideInternals(provider: Provider, hooks: EngineHooks): void {
  overrideClient(provider.Client.prototype as unknown as ClientPrototype, hooks)
  overrideIdToken(provider.IdToken.prototype as unknown as IdTokenPrototype, hooks)
  overrideAccessToken(provider.AccessToken.prototype as unknown as AccessTokenPrototype, hooks)
  overrideAccessToken(provider.ClientCredentials.prototype as unknown as AccessTokenPrototype, hooks)
  overrideRefreshToken(provider.RefreshToken as unknown as RefreshTokenClass, hooks)
}

function overrideClient(client: ClientPrototype, hooks: EngineHooks): void {
  // every application gets its `sid`, over whichever channel it is told (engine.md §6)
  client['includeSid'] = () => true
  client['redirectUriAllowed'] = function (this: ClientPrototype, uri: string) {
    return hooks.isRedirectUriAllowed(this.clientId, uri)
  }
  client['backchannelLogout'] = async function (this: ClientPrototype, _sub: string, sid: string) {
    hooks.noteNotice(this.clientId, sid)
  }
}

/** The engine lets only claims pass that are configured per Provider; mappers make names per client. */
function overrideIdToken(idToken: IdTokenPrototype, hooks: EngineHooks): void {
  const { issue } = idToken
  idToken.issue = function (this: IdTokenPrototype, options) {
    if (options?.use !== 'idtoken') return issue.call(this, options)
    const { client, available, extra } = this
    return hooks.signIdToken({ clientId: client.clientId, available, extra })
  }
}

/** No payload, no row: JWT access tokens are not stored. */
function overrideAccessToken(accessToken: AccessTokenPrototype, hooks: EngineHooks): void {
  accessToken.getValueAndPayload = async function (this: AccessTokenPrototype) {
    return { value: await hooks.signAccessToken(this) }
  }
}

function overrideRefreshToken(refreshToken: RefreshTokenClass, hooks: EngineHooks): void {
  const { getValueAndPayload } = refreshToken.prototype
  refreshToken.prototype.getValueAndPayload = async function (this: RefreshTokenPrototype) {
    const { payload } = await getValueAndPayload.call(this)
    const value = hooks.formatRefreshToken(this)
    return payload === undefined ? { value } : { value, payload }
  }
  const find = refreshToken.find
  refreshToken.find = async function (this: RefreshTokenClass, value: string, options?: object) {
    const jti = hooks.readRefreshToken(value)
    return jti === undefined ? undefined : find.call(this, jti, options)
  }
}
