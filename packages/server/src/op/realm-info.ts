/** `GET /realms/{realm}`: the realm's key and addresses, as Keycloak's adapters and python-keycloak ask for them (KP-20, KK-41). */
import { createPublicKey } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { signingKeyFor } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import { type EndpointDeps, realmOf } from './endpoint.ts'

export function registerRealmInfo(
  app: FastifyInstance,
  deps: Pick<EndpointDeps, 'realms' | 'ambient'>,
): void {
  app.get('/realms/:realm', async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    // public by nature; scripts of any origin may read it, as they may read the JWKS
    reply.header('access-control-allow-origin', '*')
    return reply.send({
      realm: realm.name,
      public_key: publicKeyOf(realm, deps.ambient.clock.now()),
      'token-service': `${realm.issuer}/protocol/openid-connect`,
      'account-service': `${realm.issuer}/account`,
      'tokens-not-before': realm.notBefore,
    })
  })
}

/** The RSA key that signs now, Base64 of its DER without PEM lines; absent in a realm without one. */
function publicKeyOf(realm: Realm, at: number): string | undefined {
  const key = signingKeyFor(realm.keys, 'RS256', at)
  if (!key) return undefined
  const der = createPublicKey({ key: key.publicJwk, format: 'jwk' }).export({ format: 'der', type: 'spki' })
  return der.toString('base64')
}
