/**
 * "Try now" for one delivery, or for all of a sign-out: what ended without being accepted is tried again (D14, KE-41),
 * and what still waits for its next try need not wait. And what ended so over many sign-outs: of one application, of a
 * time range, or everything. And the withdrawal of one that is to wait no longer (D12).
 */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { cancelDeliveries } from '../delivery/cancel.ts'
import { type RedeliverScope, redeliverInside } from '../delivery/redeliver.ts'
import { tryNowInside } from '../delivery/try-now.ts'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import type { Tx } from '../store/store.ts'
import { problem } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, authOf, callOf } from './admin-call.ts'
import { manageUsers } from './admin-role.ts'
import { dateRange } from './event-date.ts'
import { findSignOut } from './find-sign-out.ts'
import { pathWithId } from './list-page.ts'
import { unknownSignOut, unreadableDate } from './sign-out-routes.ts'

const reasonBody = Type.Object({
  reason: Type.String({ minLength: 1, maxLength: 500, description: 'Shown beside the new attempts.' }),
})
const untoldBody = Type.Object({
  ...reasonBody.properties,
  client: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Its client id.' })),
  dateFrom: Type.Optional(Type.String({ maxLength: 20, description: 'Ended from then on.' })),
  dateTo: Type.Optional(Type.String({ maxLength: 20 })),
})
const pathOfDelivery = Type.Object({
  id: Type.String({ maxLength: 255 }),
  deliveryId: Type.String({ maxLength: 255 }),
})

export function redeliverRoutes(app: AdminApp, deps: AdminDeps): void {
  const config = { needs: manageUsers }

  app.post(
    '/sign-outs/:id/retry',
    { config, schema: { params: pathWithId, body: reasonBody } },
    async (request, reply) => {
      const call = callOf(request)
      const found = await findSignOut(deps.store.read, call.realm.id, request.params.id)
      if (!found.ok) return unknownSignOut(reply, found.reason)
      const replay = { path: `sign-outs/${found.id}/retry`, reason: request.body.reason }
      return replayed(deps, call, { kind: 'sign_out', signOutId: found.id }, replay, reply)
    },
  )

  app.post(
    '/sign-outs/:id/deliveries/:deliveryId/retry',
    { config, schema: { params: pathOfDelivery, body: reasonBody } },
    async (request, reply) => {
      const { id, deliveryId } = request.params
      const replay = { path: `sign-outs/${id}/deliveries/${deliveryId}/retry`, reason: request.body.reason }
      return replayed(deps, callOf(request), { kind: 'deliveries', ids: [deliveryId] }, replay, reply)
    },
  )

  app.post('/deliveries/retry', { config, schema: { body: untoldBody } }, async (request, reply) => {
    const { reason, client: clientId, ...dates } = request.body
    const range = dateRange(dates)
    if (!range) return unreadableDate(reply)
    const scope = { kind: 'untold', clientId, ...range } as const
    return replayed(deps, callOf(request), scope, { path: 'deliveries/retry', reason }, reply)
  })

  app.post(
    '/sign-outs/:id/deliveries/:deliveryId/cancel',
    { config, schema: { params: pathOfDelivery, body: reasonBody } },
    async (request, reply) => cancelled(deps, callOf(request), request.params, request.body.reason, reply),
  )
}

/** 202: what waited is due, the new generation is committed, and the tries are on their way. */
async function replayed(
  deps: AdminDeps,
  call: AdminCall,
  scope: RedeliverScope,
  { path, reason }: { readonly path: string; readonly reason: string },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { realm, caller } = call
  const at = deps.ambient.clock.now()
  const command = { realmId: realm.id, scope, actor: caller.account.id, reason }
  const result = await deps.store.transact(async (tx) => {
    const waiting = await hurry(tx, realm.id, scope, at)
    const again = await redeliverInside({ ...deps, gate: deps.ambient.gate }, tx, command, at)
    const nothing = { ok: true, deliveryIds: [], hasMore: false } as const
    const inside = again.ok || waiting.length === 0 ? again : nothing
    if (inside.ok) {
      const resourceType = scope.kind === 'sign_out' ? 'SIGN_OUT' : 'DELIVERY'
      await recordReplay(deps, tx, call, { resourceType, path, details: detailsOf(scope, reason) }, at)
    }
    return inside.ok ? { ...inside, deliveryIds: [...waiting, ...inside.deliveryIds] } : inside
  })
  if (result.ok) return reply.code(202).send({ deliveryIds: result.deliveryIds, hasMore: result.hasMore })
  switch (result.reason) {
    case 'reason_missing':
      return missingReason(reply)
    case 'rate_limited':
      return problem(reply, 429, result.reason, 'Too many replays in this realm. Wait a minute.')
    case 'nothing_to_redeliver':
      return problem(
        reply,
        409,
        result.reason,
        'Nothing to try now. What is accepted or being tried at this moment stays as it is.',
      )
  }
}

function missingReason(reply: FastifyReply): FastifyReply {
  return problem(reply, 400, 'reason_missing', 'This needs a reason. It is shown beside what it did.')
}

/** What waits is brought forward where somebody looks at it; a replay of many is for what has ended. */
async function hurry(
  tx: Tx,
  realmId: string,
  scope: RedeliverScope,
  at: Instant,
): Promise<readonly string[]> {
  switch (scope.kind) {
    case 'deliveries':
      return tryNowInside(tx, { realmId, deliveryIds: scope.ids }, at)
    case 'sign_out':
      return tryNowInside(tx, { realmId, signOutId: scope.signOutId }, at)
    case 'untold':
      return []
  }
}

function detailsOf(scope: RedeliverScope, reason: string): Readonly<Record<string, string>> {
  if (scope.kind !== 'untold') return { reason }
  const { clientId, from, until } = scope
  return {
    reason,
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  }
}

/** 204; 409 when there was nothing to withdraw: it is in flight, or has its verdict. */
async function cancelled(
  deps: AdminDeps,
  call: AdminCall,
  { id, deliveryId }: { readonly id: string; readonly deliveryId: string },
  reason: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (reason.trim() === '') return missingReason(reply)
  const at = deps.ambient.clock.now()
  const command = { realmId: call.realm.id, deliveryIds: [deliveryId], detail: 'operator', reason } as const
  const isDone = await deps.store.transact(async (tx) => {
    const [one] = await cancelDeliveries(tx, command, at)
    if (!one) return false
    await deps.onCancelled(tx, call.realm, [one], at)
    const path = `sign-outs/${id}/deliveries/${deliveryId}/cancel`
    const details = { reason: one.reason, client_id: one.clientId }
    await recordReplay(deps, tx, call, { resourceType: 'DELIVERY', path, details }, at)
    return true
  })
  if (isDone) return reply.code(204).send()
  const detail = 'Nothing to cancel. What is being tried at this moment or has its verdict stays as it is.'
  return problem(reply, 409, 'nothing_to_cancel', detail)
}

function recordReplay(
  deps: AdminDeps,
  tx: Tx,
  call: AdminCall,
  done: {
    readonly resourceType: 'DELIVERY' | 'SIGN_OUT'
    readonly path: string
    readonly details: Readonly<Record<string, string>>
  },
  at: Instant,
): Promise<void> {
  const { resourceType, path, details } = done
  const event = { realm: call.realm, operationType: 'ACTION', resourceType, resourcePath: path } as const
  return recordAdminEvent(deps, tx, { ...event, auth: authOf(call), details }, at)
}
