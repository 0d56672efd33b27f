/** The applications of a realm, and who is signed in at them (keycloak-dialect.md KQ-05, KQ-07, KQ-08). */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { refuse } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, callOf } from './admin-call.ts'
import { isAllowed, manageClients, rolesOver, viewClients, viewRealm } from './admin-role.ts'
import { clientWire } from './client-wire.ts'
import { countClientSessions, countOfflineGrants } from './count-client-sessions.ts'
import { pageOf, pageParameters, pathWithId } from './list-page.ts'
import { readUserSessions } from './read-user-sessions.ts'

const listQuery = Type.Object({
  clientId: Type.Optional(Type.String({ maxLength: 255 })),
  search: Type.Optional(Type.Boolean({ description: 'clientId is a part of the id.' })),
  ...pageParameters,
})
const pageQuery = Type.Object(pageParameters)

export function clientRoutes(app: AdminApp, deps: AdminDeps): void {
  const { store, ambient } = deps
  const reading = { config: { needs: viewClients }, schema: { params: pathWithId } }

  app.get(
    '/clients',
    { config: { needs: viewClients }, schema: { querystring: listQuery } },
    async (request) => {
      const call = callOf(request)
      const { clientId, search } = request.query
      const { first, max } = pageOf(request.query)
      const found = liveClients(call.realm).filter(
        (client) =>
          clientId === undefined ||
          (search ? client.clientId.includes(clientId) : client.clientId === clientId),
      )
      const isManager = mayManage(call)
      return found.slice(first, first + max).map((client) => clientWire(client, isManager))
    },
  )

  app.get('/clients/:id', reading, async (request, reply) => {
    const call = callOf(request)
    const client = findClient(call.realm, request.params.id)
    return client ? clientWire(client, mayManage(call)) : unknown(reply)
  })

  app.get(
    '/clients/:id/client-secret',
    { config: { needs: manageClients }, schema: { params: pathWithId } },
    async (request, reply) => {
      const client = findClient(callOf(request).realm, request.params.id)
      return client ? { type: 'secret', value: client.secret } : unknown(reply)
    },
  )

  app.get('/clients/:id/session-count', reading, async (request, reply) => {
    const { realm } = callOf(request)
    const client = findClient(realm, request.params.id)
    if (!client) return unknown(reply)
    const counts = await countClientSessions(store.read, realm.id, client.clientId, ambient.clock.now())
    return { count: counts.get(client.clientId) ?? 0 }
  })

  app.get('/clients/:id/offline-session-count', reading, async (request, reply) => {
    const { realm } = callOf(request)
    const client = findClient(realm, request.params.id)
    if (!client) return unknown(reply)
    const counts = await countOfflineGrants(store.read, realm.id, client.clientId, ambient.clock.now())
    return { count: counts.get(client.clientId) ?? 0 }
  })

  app.get(
    '/clients/:id/user-sessions',
    { config: { needs: viewClients }, schema: { params: pathWithId, querystring: pageQuery } },
    async (request, reply) => {
      const { realm } = callOf(request)
      const client = findClient(realm, request.params.id)
      if (!client) return unknown(reply)
      const owner = { clientId: client.clientId }
      return readUserSessions(store.read, realm, owner, pageOf(request.query), ambient.clock.now())
    },
  )

  app.get('/client-session-stats', { config: { needs: viewRealm } }, async (request) => {
    const { realm } = callOf(request)
    const at = ambient.clock.now()
    const active = await countClientSessions(store.read, realm.id, undefined, at)
    const offline = await countOfflineGrants(store.read, realm.id, undefined, at)
    return sessionStats(realm, active, offline)
  })
}

/** Numbers as texts and only clients with sessions, as Keycloak (KQ-05). */
function sessionStats(
  realm: Realm,
  active: ReadonlyMap<string, number>,
  offline: ReadonlyMap<string, number>,
): { id: string; clientId: string; active: string; offline: string }[] {
  const clientIds = [...new Set([...active.keys(), ...offline.keys()])].sort()
  return clientIds.map((clientId) => ({
    id: realm.clients.get(clientId)?.uuid ?? clientId,
    clientId,
    active: String(active.get(clientId) ?? 0),
    offline: String(offline.get(clientId) ?? 0),
  }))
}

function liveClients(realm: Realm): readonly Client[] {
  return [...realm.clients.values()]
    .filter((client) => !client.isDeleted)
    .sort((a, b) => (a.clientId < b.clientId ? -1 : 1))
}

function findClient(realm: Realm, uuid: string): Client | undefined {
  const client = realm.clientsByUuid.get(uuid)
  return client?.isDeleted ? undefined : client
}

function mayManage({ caller, realm }: AdminCall): boolean {
  return isAllowed(rolesOver(caller, realm), manageClients)
}

function unknown(reply: FastifyReply): FastifyReply {
  return refuse(reply, 404, 'Could not find client')
}
