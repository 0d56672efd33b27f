/** About the server and the caller, for Keycloak's own clients (KK-36: `serverInfo.find`, `whoAmI.find`). */
import { toNumericDate } from '../ambient/clock.ts'
import { refuse } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, callOf } from './admin-call.ts'
import { anyAdminRole, isAllowed, masterRealmName, rolesOver } from './admin-role.ts'

export function serverRoutes(app: AdminApp, { ambient, realms }: AdminDeps): void {
  /** Reduced: no versions of libraries and no machine, which help an attacker more than an administrator. */
  app.get('/serverinfo', { config: { needs: 'own' } }, async (request, reply) => {
    const { caller } = callOf(request)
    if (!isAllowed(rolesOver(caller, caller.realm), anyAdminRole)) {
      return refuse(reply, 403, 'HTTP 403 Forbidden', 'The account administers no realm.')
    }
    const at = ambient.clock.now()
    return { systemInfo: { serverTime: new Date(at).toISOString(), serverTimeSeconds: toNumericDate(at) } }
  })

  app.get('/:realm/console/whoami', { config: { needs: 'own' } }, async (request) => {
    const { caller } = callOf(request)
    const { account, realm } = caller
    const names = realm.name === masterRealmName ? await realms.names() : [realm.name]
    const access: Record<string, readonly string[]> = {}
    for (const name of names) {
      const target = await realms.byName(name)
      const roles = target ? rolesOver(caller, target) : new Set<string>()
      const held = roles === 'all' ? anyAdminRole : [...roles]
      if (held.length > 0) access[name] = held
    }
    return {
      userId: account.id,
      realm: realm.name,
      displayName: [account.firstName, account.lastName].filter(Boolean).join(' ') || account.username,
      locale: realm.settings.defaultLocale ?? 'en',
      createRealm: false,
      realm_access: access,
    }
  })
}
