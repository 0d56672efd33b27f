/** Paths of the pages as browsers see them. */
import type { Realm } from '../realm/realm.ts'

/** Of a realm, with the prefix that `frontendUrl` may have; ends without a slash. */
export function realmPath(realm: Pick<Realm, 'issuer'>): string {
  return new URL(realm.issuer).pathname.replace(/\/$/, '')
}

/** Of the engine's interaction: the engine binds the interaction's cookie to it. */
export function signInPath(realm: Pick<Realm, 'issuer'>, interactionUid: string): string {
  return `${realmPath(realm)}/sign-in/${interactionUid}`
}

export function endSessionPath(realm: Pick<Realm, 'issuer'>): string {
  return `${realmPath(realm)}/protocol/openid-connect/logout`
}

export function resultPath(realm: Pick<Realm, 'issuer'>, signOutId: string): string {
  return `${realmPath(realm)}/sign-out/${signOutId}`
}
