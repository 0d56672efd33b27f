/** What a realm keeps of its audit trail (`GET`, `PUT /events/config`, KE-42). */
import { Type } from '@fastify/type-provider-typebox'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import type { Realm } from '../realm/realm.ts'
import { updateRepresentation } from '../realm/update-representation.ts'
import { done } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, authOf, callOf } from './admin-call.ts'
import { manageEvents, viewEvents } from './admin-role.ts'

const names = Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 500 }))
const configBody = Type.Object({
  eventsEnabled: Type.Optional(Type.Boolean()),
  eventsExpiration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Seconds; 0 keeps them for ever.' }),
  ),
  eventsListeners: names,
  enabledEventTypes: names,
  adminEventsEnabled: Type.Optional(Type.Boolean()),
  adminEventsDetailsEnabled: Type.Optional(Type.Boolean()),
})
const members = Object.keys(configBody.properties)

export function eventConfigRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get('/events/config', { config: { needs: viewEvents } }, async (request) =>
    configWire(callOf(request).realm),
  )

  app.put(
    '/events/config',
    { config: { needs: manageEvents }, schema: { body: configBody } },
    async (request, reply) => {
      const call = callOf(request)
      const { realm } = call
      const body = request.body as Readonly<Record<string, unknown>>
      const change = Object.fromEntries(Object.entries(body).filter(([member]) => members.includes(member)))
      const at = deps.ambient.clock.now()
      await deps.store.transact(async (tx) => {
        await updateRepresentation(tx, realm.id, change)
        const event = {
          realm,
          operationType: 'UPDATE',
          resourceType: 'REALM',
          resourcePath: 'events/config',
        } as const
        await recordAdminEvent(deps, tx, { ...event, auth: authOf(call), representation: change }, at)
      })
      deps.realms.invalidate(realm.id)
      return done(reply)
    },
  )
}

function configWire({ settings, representation }: Realm) {
  return {
    eventsEnabled: settings.eventsEnabled,
    eventsExpiration: settings.eventsRetentionDays * 86_400,
    eventsListeners: representation['eventsListeners'] ?? ['jboss-logging'],
    enabledEventTypes: settings.enabledEventTypes ?? [],
    adminEventsEnabled: settings.adminEventsEnabled,
    adminEventsDetailsEnabled: representation['adminEventsDetailsEnabled'] === true,
  }
}
