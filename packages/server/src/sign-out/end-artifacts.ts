/**
 * Removes what was derived from what ends: codes, refresh tokens, grants. An ordinary sign-out keeps offline
 * grants, unless the application wants them ended too (SR-06, KS-03); a security action ends everything.
 */
import { inOrder } from '../ambient/in-order.ts'
import type { Realm } from '../realm/realm.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'
import type { SignOutCommand } from './sign-out-command.ts'

const endAll = compiledStatement({ sessionUid: '' }, (db, { sessionUid }) =>
  db.deleteFrom('artifact').where('session_uid', '=', sessionUid),
)
const endOnline = compiledStatement({ sessionUid: '' }, (db, { sessionUid }) =>
  db.deleteFrom('artifact').where('session_uid', '=', sessionUid).where('is_offline', '=', 0),
)

/** @param clientIds the applications whose wish to have offline grants ended counts */
export async function endArtifactsOfSession(
  tx: Tx,
  realm: Realm,
  kind: SignOutCommand['kind'],
  sessionUid: string,
  clientIds: Iterable<string>,
): Promise<void> {
  if (kind === 'security') {
    await endAll(tx, { sessionUid })
    return
  }
  const online = endOnline(tx, { sessionUid })
  const revoking = [...clientIds].filter(
    (id) => realm.clients.get(id)?.attributes['backchannel.logout.revoke.offline.tokens'] === 'true',
  )
  const offline = tx.db
    .deleteFrom('artifact')
    .where('session_uid', '=', sessionUid)
    .where(isOneOf(tx, 'client_id', revoking))
  await inOrder(revoking.length === 0 ? [online] : [online, offline.execute()])
}

/** One application leaves a session, with its tokens. */
export async function endArtifactsOfApplication(
  tx: Tx,
  kind: SignOutCommand['kind'],
  sessionUid: string,
  clientId: string,
): Promise<void> {
  const query = tx.db
    .deleteFrom('artifact')
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
  await (kind === 'security' ? query : query.where('is_offline', '=', 0)).execute()
}

/** Offline grants of a person, whose sessions have long ended. */
export async function endArtifactsOfAccount(tx: Tx, realmId: string, accountId: string): Promise<void> {
  await tx.db
    .deleteFrom('artifact')
    .where('account_id', '=', accountId)
    .where('realm_id', '=', realmId)
    .execute()
}
