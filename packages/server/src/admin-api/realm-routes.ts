/** Realms as Keycloak's RealmRepresentation, and the sign-out of everybody in one (KQ-03). */
import { Type } from '@fastify/type-provider-typebox'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import type { Realm } from '../realm/realm.ts'
import { channelsOf } from '../rp/channels.ts'
import { signOut } from '../sign-out/sign-out.ts'
import type { Queryable } from '../store/store.ts'
import { linkSignOut, refuse } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, actorOf, authOf, callOf } from './admin-call.ts'
import { anyAdminRole, isAllowed, manageUsers, rolesOver, viewRealm } from './admin-role.ts'
import { findSession } from './find-session.ts'

const listQuery = Type.Object({ briefRepresentation: Type.Optional(Type.Boolean()) })
const signOutAllQuery = Type.Object({ exceptOwn: Type.Optional(Type.Boolean()) })

/** `GET /admin/realms`: only those that the caller may see. */
export function realmListRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/realms',
    { config: { needs: 'own' }, schema: { querystring: listQuery } },
    async (request, reply) => {
      const { caller } = callOf(request)
      const seen: Realm[] = []
      for (const name of await deps.realms.names()) {
        const realm = await deps.realms.byName(name)
        if (realm && isAllowed(rolesOver(caller, realm), anyAdminRole)) seen.push(realm)
      }
      if (seen.length === 0)
        return refuse(reply, 403, 'HTTP 403 Forbidden', 'The account administers no realm.')
      return seen.map((realm) =>
        isAllowed(rolesOver(caller, realm), viewRealm) && !request.query.briefRepresentation
          ? realmWire(realm)
          : briefRealmWire(realm),
      )
    },
  )
}

export function realmRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get('/', { config: { needs: anyAdminRole } }, async (request) => {
    const { caller, realm } = callOf(request)
    return isAllowed(rolesOver(caller, realm), viewRealm) ? realmWire(realm) : { realm: realm.name }
  })

  app.post(
    '/logout-all',
    { config: { needs: manageUsers }, schema: { querystring: signOutAllQuery } },
    async (request, reply) => {
      const call = callOf(request)
      const { realm, caller } = call
      const { sid } = caller.claims
      // the caller's session can only be one of these when the token is of this realm
      const isKept =
        request.query.exceptOwn === true && caller.realm.id === realm.id && typeof sid === 'string'
      const own = isKept ? await findSession(deps.store.read, realm.id, sid) : undefined
      const addresses = await addressesToTell(deps.store.read, realm)
      const event = {
        realm,
        operationType: 'ACTION',
        resourceType: 'REALM',
        resourcePath: 'logout-all',
        auth: authOf(call),
      } as const
      const result = await signOut(
        deps,
        {
          realmId: realm.id,
          scope: { kind: 'realm', ...(own ? { exceptSessionUid: own.uid } : {}) },
          kind: 'security',
          cause: 'administrator',
          initiator: 'admin',
          actor: actorOf(call),
        },
        { after: (tx, _result, at) => recordAdminEvent(deps, tx, event, at) },
      )
      if (!result.ok) return refuse(reply, 404, 'Realm not found.')
      linkSignOut(reply, realm, result.signOutId)
      // GlobalRequestResult: nobody has been told at the moment of the commit, and nobody has refused
      return { successRequests: [], failedRequests: [], pendingRequests: addresses }
    },
  )
}

/** The addresses of the applications that have sessions now, each once. */
async function addressesToTell(on: Queryable, realm: Realm): Promise<readonly string[]> {
  const rows = await on.db
    .selectFrom('client_session')
    .select('client_id')
    .distinct()
    .where('realm_id', '=', realm.id)
    .where('ended_at', 'is', null)
    .execute()
  const clients = rows.map((row) => realm.clients.get(row.client_id)).filter((client) => client !== undefined)
  return [...new Set(clients.flatMap((client) => channelsOf(client).map(({ address }) => address)))].sort()
}

/** Keys, clients and people have calls of their own; what Curfew does not use is given back as it came. */
function realmWire(realm: Realm) {
  return {
    ...realm.representation,
    id: realm.id,
    realm: realm.name,
    enabled: realm.enabled,
    displayName: realm.settings.displayName,
    notBefore: realm.notBefore,
    attributes: realm.attributes,
  }
}

function briefRealmWire(realm: Realm) {
  return { id: realm.id, realm: realm.name, displayName: realm.settings.displayName, enabled: realm.enabled }
}
