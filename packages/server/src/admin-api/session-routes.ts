/** One session, by its id or by the `sid` that an application knows (keycloak-dialect.md KQ-01). */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type AdminEvent, recordAdminEvent } from '../event/record-admin-event.ts'
import type { Session } from '../session/session.ts'
import { signOut } from '../sign-out/sign-out.ts'
import { done, linkSignOut, refuse } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, actorOf, authOf, callOf } from './admin-call.ts'
import { manageUsers } from './admin-role.ts'
import { endOfflineGrants } from './end-offline-grants.ts'
import { findSession } from './find-session.ts'
import { pathWithId } from './list-page.ts'

const deleteQuery = Type.Object({ isOffline: Type.Optional(Type.Boolean()) })

export function sessionRoutes(app: AdminApp, deps: AdminDeps): void {
  app.delete(
    '/sessions/:id',
    { config: { needs: manageUsers }, schema: { params: pathWithId, querystring: deleteQuery } },
    async (request, reply) => {
      const call = callOf(request)
      const session = await findSession(deps.store.read, call.realm.id, request.params.id)
      if (!session) return unknown(reply)
      return request.query.isOffline
        ? endOffline(deps, call, session, reply)
        : endOnline(deps, call, session, reply)
    },
  )
}

async function endOnline(
  deps: AdminDeps,
  call: AdminCall,
  session: Session,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (session.state === 'ended') return unknown(reply)
  const result = await signOut(
    deps,
    {
      realmId: call.realm.id,
      scope: { kind: 'session', sessionUid: session.uid },
      kind: 'ordinary',
      cause: 'administrator',
      initiator: 'admin',
      actor: actorOf(call),
    },
    {
      after: async (tx, closed, at) => {
        if (closed.ok && closed.isFirst) await recordAdminEvent(deps, tx, deletion(call, session, false), at)
      },
    },
  )
  // somebody else was first: for this caller the session is gone
  if (!result.ok || !result.isFirst) return unknown(reply)
  linkSignOut(reply, call.realm, result.signOutId)
  return done(reply)
}

async function endOffline(
  deps: AdminDeps,
  call: AdminCall,
  session: Session,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const at = deps.ambient.clock.now()
  const count = await deps.store.transact(async (tx) => {
    const ended = await endOfflineGrants(tx, call.realm.id, session.uid)
    if (ended > 0) await recordAdminEvent(deps, tx, deletion(call, session, true), at)
    return ended
  })
  return count > 0 ? done(reply) : unknown(reply)
}

function deletion(call: AdminCall, session: Session, isOffline: boolean): AdminEvent {
  return {
    realm: call.realm,
    operationType: 'DELETE',
    resourceType: 'USER_SESSION',
    resourcePath: `sessions/${session.uid}`,
    auth: authOf(call),
    details: { offline: String(isOffline) },
  }
}

function unknown(reply: FastifyReply): FastifyReply {
  return refuse(reply, 404, 'Session not found')
}
