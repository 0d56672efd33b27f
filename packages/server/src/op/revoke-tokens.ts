/** Taking back what an application was given, without ending its place in the session (KV-01, KV-04). */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

/**
 * Codes and refresh tokens of one application in one session are gone; access tokens issued until `at` are
 * refused by `revoked_at`. The client session stays listed, so a later sign-out still tells the application
 * (#34234). Grants stay: without tokens they give nothing, and the client session names them.
 */
export async function revokeApplicationTokens(
  tx: Tx,
  sessionUid: string,
  clientId: string,
  at: Instant,
): Promise<void> {
  await tx.db
    .deleteFrom('artifact')
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .where('is_offline', '=', 0)
    .where('kind', '<>', 'Grant')
    .execute()
  await tx.db
    .updateTable('client_session')
    .set({ revoked_at: at })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .execute()
}

/** All tokens of one grant: a family after a replay, or an offline grant that is given up. */
export async function revokeGrantTokens(
  tx: Tx,
  realmId: string,
  clientId: string,
  grantId: string,
): Promise<void> {
  await tx.db
    .deleteFrom('artifact')
    .where('grant_id', '=', grantId)
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('kind', '<>', 'Grant')
    .execute()
}

/**
 * True if no other application of the session still has anything from it. One that was revoked and has got tokens
 * since has something again: its session must not end because another one gives its own tokens back.
 */
export async function isLastApplication(tx: Tx, sessionUid: string, clientId: string): Promise<boolean> {
  const other = await tx.db
    .selectFrom('client_session')
    .select('client_id')
    .where('session_uid', '=', sessionUid)
    .where('client_id', '<>', clientId)
    .where('ended_at', 'is', null)
    .where(({ or, eb, ref }) => or([eb('revoked_at', 'is', null), eb('answered_at', '>', ref('revoked_at'))]))
    .limit(1)
    .executeTakeFirst()
  return other === undefined
}
