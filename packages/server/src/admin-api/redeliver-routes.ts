/**
 * "Try now" for one delivery, or for all of a sign-out: what ended without being accepted is tried again (D14, KE-41),
 * and what still waits for its next try need not wait.
 */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type RedeliverScope, redeliverInside } from '../delivery/redeliver.ts'
import { type TryNowCommand, tryNowInside } from '../delivery/try-now.ts'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import { problem } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, authOf, callOf } from './admin-call.ts'
import { manageUsers } from './admin-role.ts'
import { findSignOut } from './find-sign-out.ts'
import { pathWithId } from './list-page.ts'
import { unknownSignOut } from './sign-out-routes.ts'

const reasonBody = Type.Object({
  reason: Type.String({ minLength: 1, maxLength: 500, description: 'Shown beside the new attempts.' }),
})
const pathOfDelivery = Type.Object({
  id: Type.String({ maxLength: 255 }),
  deliveryId: Type.String({ maxLength: 255 }),
})

type TriedScope = Extract<RedeliverScope, { kind: 'deliveries' | 'sign_out' }>

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
}

/** 202: what waited is due, the new generation is committed, and the tries are on their way. */
async function replayed(
  deps: AdminDeps,
  call: AdminCall,
  scope: TriedScope,
  { path, reason }: { readonly path: string; readonly reason: string },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { realm, caller } = call
  const at = deps.ambient.clock.now()
  const command = { realmId: realm.id, scope, actor: caller.account.id, reason }
  const result = await deps.store.transact(async (tx) => {
    const waiting = await tryNowInside(tx, waitingOf(realm.id, scope), at)
    const again = await redeliverInside({ ...deps, gate: deps.ambient.gate }, tx, command, at)
    const nothing = { ok: true, deliveryIds: [], hasMore: false } as const
    const inside = again.ok || waiting.length === 0 ? again : nothing
    const resourceType = scope.kind === 'deliveries' ? 'DELIVERY' : 'SIGN_OUT'
    const event = {
      realm,
      operationType: 'ACTION',
      resourceType,
      resourcePath: path,
      auth: authOf(call),
    } as const
    if (inside.ok) await recordAdminEvent(deps, tx, { ...event, details: { reason } }, at)
    return inside.ok ? { ...inside, deliveryIds: [...waiting, ...inside.deliveryIds] } : inside
  })
  if (result.ok) return reply.code(202).send({ deliveryIds: result.deliveryIds, hasMore: result.hasMore })
  switch (result.reason) {
    case 'reason_missing':
      return problem(
        reply,
        400,
        result.reason,
        'A replay needs a reason. It is shown beside the new attempts.',
      )
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

function waitingOf(realmId: string, scope: TriedScope): TryNowCommand {
  return scope.kind === 'deliveries'
    ? { realmId, deliveryIds: scope.ids }
    : { realmId, signOutId: scope.signOutId }
}
