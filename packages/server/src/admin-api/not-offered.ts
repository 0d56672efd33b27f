/** What Keycloak has and this version has not: 501, so that a script sees the difference from a mistyped path. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { refuse } from './admin-answer.ts'

/** First parts of Keycloak's paths below a realm. */
const keycloakResources: ReadonlySet<string> = new Set([
  ...[
    'admin-events',
    'attack-detection',
    'authentication',
    'client-description-converter',
    'client-policies',
  ],
  ...[
    'client-registration-policy',
    'client-scopes',
    'client-templates',
    'client-types',
    'clients',
    'components',
  ],
  ...['clients-initial-access', 'credential-registrators', 'default-default-client-scopes', 'default-groups'],
  ...['default-optional-client-scopes', 'events', 'group-by-path', 'groups', 'identity-provider', 'keys'],
  ...['localization', 'organizations', 'partial-export', 'partialImport', 'push-revocation', 'roles'],
  ...['roles-by-id', 'sessions', 'testSMTPConnection', 'ui-ext', 'user-storage', 'users', 'workflows'],
  ...['users-management-permissions', 'client-session-stats', 'logout-all'],
])

export function answerNotOffered(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?')[0] ?? ''
  const [, resource] = /^\/admin\/realms\/[^/]+\/([^/]+)/.exec(path) ?? []
  const isRealm = /^\/admin\/realms(\/[^/]+)?\/?$/.test(path)
  if (isRealm || (resource && keycloakResources.has(resource))) {
    const message = `${request.method} of this resource is not offered by this version of Curfew.`
    return refuse(reply, 501, 'Not implemented', message)
  }
  return refuse(reply, 404, 'Could not find resource for full path', 'There is nothing at this address.')
}
