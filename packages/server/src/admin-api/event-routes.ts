/** The audit trail of a realm (keycloak-dialect.md KE-42). Deleting it deletes no delivery and no attempt. */
import { Type } from '@fastify/type-provider-typebox'
import { clearEvents } from '../event/prune-events.ts'
import { readAdminEvents } from '../event/read-admin-events.ts'
import { readEvents } from '../event/read-events.ts'
import type { RecordedAdminEvent } from '../event/record-admin-event.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import { done, refuse } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, callOf } from './admin-call.ts'
import { manageEvents, viewEvents } from './admin-role.ts'
import { dateRange } from './event-date.ts'
import { adminEventWire, eventWire } from './event-wire.ts'
import { pageOf, pageParameters } from './list-page.ts'

const text = Type.Optional(Type.String({ maxLength: 2000 }))
/** Repeated names are a list; one name is a list of one. */
const list = Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 }))
const times = {
  dateFrom: Type.Optional(Type.String({ description: 'yyyy-MM-dd or milliseconds; inclusive.' })),
  dateTo: Type.Optional(Type.String({ description: 'yyyy-MM-dd or milliseconds; inclusive.' })),
  direction: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
}

const eventQuery = Type.Object({
  type: list,
  client: text,
  user: text,
  ipAddress: text,
  ...times,
  ...pageParameters,
})
const adminEventQuery = Type.Object({
  operationTypes: list,
  resourceTypes: list,
  resourcePath: text,
  authRealm: text,
  authClient: text,
  authUser: text,
  authIpAddress: text,
  ...times,
  ...pageParameters,
})

const badDate = 'dateFrom and dateTo are days (yyyy-MM-dd) or milliseconds since 1970.'

export function eventRoutes(app: AdminApp, deps: AdminDeps): void {
  const { store, realms, ambient } = deps

  app.get(
    '/events',
    { config: { needs: viewEvents }, schema: { querystring: eventQuery } },
    async (request, reply) => {
      const { realm } = callOf(request)
      const { query } = request
      const range = dateRange(query)
      if (!range) return refuse(reply, 400, badDate)
      const filter = {
        types: query.type,
        clientId: query.client,
        accountId: query.user,
        ipAddress: query.ipAddress,
        ...range,
      }
      const page = { ...pageOf(query), direction: query.direction ?? 'desc' }
      return (await readEvents(store.read, realm, filter, page)).map(eventWire)
    },
  )

  app.delete('/events', { config: { needs: manageEvents } }, async (request, reply) => {
    await clearEvents(store, 'event', callOf(request).realm.id, ambient.clock.now())
    return done(reply)
  })

  app.get(
    '/admin-events',
    { config: { needs: viewEvents }, schema: { querystring: adminEventQuery } },
    async (request, reply) => {
      const { realm } = callOf(request)
      const { query } = request
      const range = dateRange(query)
      if (!range) return refuse(reply, 400, badDate)
      const filter = {
        operationTypes: query.operationTypes,
        resourceTypes: query.resourceTypes,
        resourcePath: query.resourcePath,
        authRealmId: query.authRealm,
        authClientId: query.authClient,
        authAccountId: query.authUser,
        authIpAddress: query.authIpAddress,
        ...range,
      }
      const page = { ...pageOf(query), direction: query.direction ?? 'desc' }
      const events = await readAdminEvents(store.read, realm.id, filter, page)
      const names = await realmNames(realms, realm, events)
      return events.map((event) => adminEventWire(event, names))
    },
  )

  app.delete('/admin-events', { config: { needs: manageEvents } }, async (request, reply) => {
    await clearEvents(store, 'admin_event', callOf(request).realm.id, ambient.clock.now())
    return done(reply)
  })
}

/** Administrators are of this realm or of `master`, so at most a few names are looked up. */
async function realmNames(
  realms: Realms,
  realm: Realm,
  events: readonly RecordedAdminEvent[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map([[realm.id, realm.name]])
  for (const id of new Set(events.map((event) => event.auth.realmId))) {
    const name = names.has(id) ? undefined : (await realms.byId(id))?.name
    if (name !== undefined) names.set(id, name)
  }
  return names
}
