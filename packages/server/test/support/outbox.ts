/** Sign-outs and deliveries for tests of the outbox, and a sender that answers as the test says. */
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import type { Slots } from '../../src/delivery/choose-claims.ts'
import { type Claim, claimDeliveries } from '../../src/delivery/claim.ts'
import {
  type DeliverySettings,
  defaultDeliverySettings,
  endpointIdOf,
  type LeasedDelivery,
  type NewDelivery,
  type TryOutcome,
} from '../../src/delivery/delivery.ts'
import { enqueueDeliveries } from '../../src/delivery/enqueue.ts'
import { settle } from '../../src/delivery/settle.ts'
import { type StoredSettlements, storeSettlements } from '../../src/delivery/store-settlements.ts'
import type { Channel } from '../../src/rp/client.ts'
import type { DeliverySubject, PreparedMessage, Sender, SendOutcome } from '../../src/sender/sender.ts'
import { insertSignOut } from '../../src/sign-out/closing.ts'
import type { Store } from '../../src/store/store.ts'

export const manySlots: Slots = { total: 1000, high: 1000, low: 1000 }

export function endpointOf(clientId: string): string {
  return endpointIdOf('demo', clientId, 'oidc-back-channel')
}

let signOutCount = 0
const ended = { kind: 'ordinary', cause: 'rp_initiated', initiator: 'user', actor: {} } as const

/** Writes a sign-out of one session of its own with one delivery per client id; returns its id and the deliveries'. */
export async function givenSignOut(
  store: Store,
  clientIds: readonly string[],
  at: number,
  over: Partial<NewDelivery> = {},
): Promise<{
  readonly signOutId: string
  readonly sessionUid: string
  readonly deliveryIds: readonly string[]
}> {
  const signOutId = `so_${++signOutCount}`
  const sessionUid = `session-of-${signOutId}`
  const deliveryIds = await store.transact(async (tx) => {
    const command = { ...ended, realmId: 'demo', scope: { kind: 'session', sessionUid } } as const
    const row = { id: signOutId, sessionUid, accountId: 'alice', parentId: undefined }
    await insertSignOut(tx, command, { ...row, applicationCount: clientIds.length, completedAt: at }, at)
    const deliveries = clientIds.map((clientId, index) => ({
      signOutId,
      realmId: 'demo',
      sessionUid,
      clientId,
      sid: `sid-${signOutId}-${clientId}-${index}`,
      sub: 'alice',
      issuer: 'https://op.example/realms/demo',
      channel: 'oidc-back-channel' as const,
      address: `https://${clientId}.example/backchannel-logout`,
      priority: 'high' as const,
      dueAt: at,
      horizonAt: at + 72 * 3_600_000,
      ...over,
    }))
    return enqueueDeliveries(tx, { random: systemAmbient().random }, deliveries, at)
  })
  return { signOutId, sessionUid, deliveryIds }
}

export function claimAt(
  store: Store,
  clientIds: readonly string[],
  at: number,
  over: { settings?: Partial<DeliverySettings>; slots?: Slots; ambient?: Ambient; owner?: string } = {},
): Promise<Claim> {
  const ambient = over.ambient ?? systemAmbient()
  const settings = { ...defaultDeliverySettings, ...over.settings }
  const senders = new Set<Channel>(['oidc-back-channel'])
  const deps = { ...ambient, store, senders, settings, owner: over.owner ?? 'test' }
  return claimDeliveries(deps, clientIds.map(endpointOf), over.slots ?? manySlots, at)
}

/** Settles a leased delivery with this outcome, as the dispatcher would. */
export function settleAs(
  store: Store,
  leased: LeasedDelivery | readonly LeasedDelivery[],
  outcome: TryOutcome,
  at: number,
): Promise<StoredSettlements> {
  const list = Array.isArray(leased) ? (leased as readonly LeasedDelivery[]) : [leased as LeasedDelivery]
  const settled = list.map((one) => {
    const tried = {
      leased: one,
      outcome,
      address: one.subject.address,
      evidence: { jti: 'jti', kid: 'kid', tokenHash: 'hash' },
    }
    return { tried, settlement: settle(tried, 0.5, at), settledAt: at }
  })
  const deps = { settings: defaultDeliverySettings, p95MsOf: () => undefined }
  return store.transact((tx) => storeSettlements(deps, tx, settled, at))
}

export type Script = (subject: DeliverySubject, signal: AbortSignal) => Promise<SendOutcome> | SendOutcome

/** A sender that does what the script says, and records what it was asked to send. */
export function scriptedSender(script: Script): Sender & { readonly sent: DeliverySubject[] } {
  const sent: DeliverySubject[] = []
  return {
    channel: 'oidc-back-channel',
    sent,
    prepare: async (subject): Promise<PreparedMessage> => ({
      address: subject.address,
      evidence: { jti: `jti-${sent.length}`, kid: 'kid-1', tokenHash: 'hash' },
      async send(signal) {
        sent.push(subject)
        return script(subject, signal)
      },
    }),
  }
}

export async function deliveryRow(store: Store, id: string) {
  return store.read.db.selectFrom('delivery').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

export async function attemptRows(store: Store, id: string) {
  return store.read.db
    .selectFrom('attempt')
    .selectAll()
    .where('delivery_id', '=', id)
    .orderBy('number')
    .execute()
}

export async function endpointRow(store: Store, clientId: string) {
  return store.read.db
    .selectFrom('endpoint')
    .selectAll()
    .where('id', '=', endpointOf(clientId))
    .executeTakeFirstOrThrow()
}
