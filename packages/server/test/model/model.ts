/**
 * What must be so, in the plainest words: sessions with their members, what each was given, and what of it is good.
 * The model knows no protocol; the commands do.
 */

export const applications = ['wiki', 'chat', 'files'] as const
export type Application = (typeof applications)[number]
export const browserCount = 3

/** A public client: its refresh tokens are rotated, and an older one that comes again costs all of them. */
export const rotating: Application = 'files'
/** Its offline grants end with the session (`backchannel.logout.revoke.offline.tokens`). */
export const endsOffline: Application = 'chat'

export interface Session {
  readonly person: number
  isActive: boolean
  /** By application: the `sid` that it knows. */
  readonly sids: Map<Application, string>
  /** Applications that have tokens which nobody took back. */
  readonly holders: Set<Application>
}

/** What one code was exchanged for. */
export interface Grant {
  readonly session: Session
  readonly application: Application
  readonly isOffline: boolean
  readonly idToken: string
  /** Oldest first. */
  readonly refreshTokens: string[]
  readonly accessTokens: { readonly token: string; isTakenBack: boolean }[]
  isGone: boolean
}

export interface Model {
  readonly sessions: Session[]
  readonly grants: Grant[]
  /** The session that each browser's cookie names, alive or not. */
  readonly browsers: (Session | undefined)[]
}

export function newModel(): Model {
  return { sessions: [], grants: [], browsers: Array.from({ length: browserCount }) }
}

export function liveSession({ browsers }: Model, browser: number): Session | undefined {
  return browsers[browser]?.isActive ? browsers[browser] : undefined
}

export function isNewest({ refreshTokens }: Grant, token: string): boolean {
  return refreshTokens.at(-1) === token
}

/** The same artifact stands behind every token of a grant, unless they are rotated. */
export function isRefreshGood(grant: Grant, token: string): boolean {
  const isCurrent = grant.application !== rotating || isNewest(grant, token)
  return isCurrent && isGrantGood(grant)
}

export function isGrantGood({ isGone, isOffline, session }: Grant): boolean {
  return !isGone && (isOffline || session.isActive)
}

/** An access token of an offline grant outlives the session while its application has such a grant (SR-06). */
export function isAccessGood(model: Model, grant: Grant, access: Grant['accessTokens'][number]): boolean {
  if (access.isTakenBack) return false
  if (grant.session.isActive) return true
  return grant.isOffline && grantsOf(model, grant).some((other) => other.isOffline && !other.isGone)
}

/** Door closed (I1): an ordinary sign-out keeps offline grants. */
export function endSession(model: Model, session: Session): void {
  session.isActive = false
  for (const grant of model.grants)
    if (grant.session === session && (!grant.isOffline || grant.application === endsOffline))
      grant.isGone = true
}

/** A security action ends everything that the person gave. */
export function endPerson(model: Model, person: number): readonly Session[] {
  const ended = model.sessions.filter((session) => session.person === person && session.isActive)
  for (const session of ended) endSession(model, session)
  for (const grant of model.grants.filter(({ session }) => session.person === person)) {
    grant.isGone = true
    for (const access of grant.accessTokens) access.isTakenBack = true
  }
  return ended
}

/** A replay, or the application's own wish: in this session it has nothing left. It stays a member (KV-01). */
export function takeBackOnline(model: Model, of: Pick<Grant, 'session' | 'application'>): void {
  of.session.holders.delete(of.application)
  for (const grant of grantsOf(model, of)) {
    if (!grant.isOffline) grant.isGone = true
    for (const access of grant.accessTokens) access.isTakenBack = true
  }
}

export function takeBack(model: Model, grant: Grant): void {
  if (grant.isOffline) grant.isGone = true
  else takeBackOnline(model, grant)
}

export function grantsOf({ grants }: Model, of: Pick<Grant, 'session' | 'application'>): readonly Grant[] {
  return grants.filter((grant) => grant.session === of.session && grant.application === of.application)
}
