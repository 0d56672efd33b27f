/** One sign-out with its deliveries, written through the product's own functions, as a commit would leave it. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { enqueueDeliveries } from '../../packages/server/src/delivery/enqueue.ts'
import { insertSignOut } from '../../packages/server/src/sign-out/closing.ts'
import type { Tx } from '../../packages/server/src/store/store.ts'

export interface WrittenSignOut {
  readonly id: string
  readonly realmId: string
  readonly sessionUid: string
  readonly clients: readonly { readonly clientId: string; readonly address: string }[]
  readonly dueAt: number
}

const horizonMs = 72 * 3_600_000
const ambient = systemAmbient()
const ended = { kind: 'ordinary', cause: 'rp_initiated', initiator: 'user', actor: {} } as const

export async function writeSignOut(tx: Tx, signOut: WrittenSignOut, at: number): Promise<void> {
  const { id, realmId, sessionUid, clients, dueAt } = signOut
  const command = { ...ended, realmId, scope: { kind: 'session', sessionUid } } as const
  const row = { id, sessionUid, accountId: 'alice', parentId: undefined, applicationCount: clients.length }
  await insertSignOut(tx, command, { ...row, completedAt: at }, at)
  const deliveries = clients.map(({ clientId, address }) => ({
    signOutId: id,
    realmId,
    sessionUid,
    clientId,
    sid: `${sessionUid}-${clientId}`,
    sub: 'alice',
    issuer: 'http://localhost/realms/test',
    channel: 'oidc-back-channel' as const,
    address,
    priority: 'high' as const,
    dueAt,
    horizonAt: at + horizonMs,
  }))
  enqueueDeliveries(tx, ambient, deliveries, at)
}
