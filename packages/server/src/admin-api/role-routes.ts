/** The roles of a realm and of its clients, and those that an account has. */
import type { Realm, Role } from '../realm/realm.ts'
import { refuse } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, callOf } from './admin-call.ts'
import { viewClients, viewRealm, viewUsers } from './admin-role.ts'
import { pathWithId } from './list-page.ts'
import { findUser, unknownUser } from './user-routes.ts'

export function roleRoutes(app: AdminApp, { store }: AdminDeps): void {
  app.get('/roles', { config: { needs: viewRealm } }, async (request) => {
    const { realm } = callOf(request)
    return rolesOf(realm, undefined).map((role) => roleWire(realm, role))
  })

  app.get(
    '/roles/:id',
    { config: { needs: viewRealm }, schema: { params: pathWithId } },
    async (request, reply) => {
      const { realm } = callOf(request)
      const role = rolesOf(realm, undefined).find(({ name }) => name === request.params.id)
      return role ? roleWire(realm, role) : refuse(reply, 404, 'Could not find role')
    },
  )

  app.get(
    '/clients/:id/roles',
    { config: { needs: viewClients }, schema: { params: pathWithId } },
    async (request, reply) => {
      const { realm } = callOf(request)
      const client = realm.clientsByUuid.get(request.params.id)
      if (!client || client.isDeleted) return refuse(reply, 404, 'Could not find client')
      return rolesOf(realm, client.uuid).map((role) => roleWire(realm, role))
    },
  )

  app.get(
    '/users/:id/role-mappings/realm',
    { config: { needs: viewUsers }, schema: { params: pathWithId } },
    async (request, reply) => {
      const call = callOf(request)
      const account = await findUser(store.read, call, request.params.id)
      if (!account) return unknownUser(reply)
      const given = rolesOf(call.realm, undefined).filter(({ id }) => account.roleIds.includes(id))
      return given.map((role) => roleWire(call.realm, role))
    },
  )
}

function rolesOf(realm: Realm, clientUuid: string | undefined): readonly Role[] {
  return [...realm.roles.values()]
    .filter((role) => role.clientUuid === clientUuid)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function roleWire(realm: Realm, role: Role) {
  return {
    id: role.id,
    name: role.name,
    description: role.description,
    composite: role.composites.length > 0,
    clientRole: role.clientUuid !== undefined,
    containerId: role.clientUuid ?? realm.id,
    attributes: role.attributes,
  }
}
