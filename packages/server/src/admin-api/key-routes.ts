/** The signing keys of a realm: public halves alone (Keycloak's KeysMetadataRepresentation). */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import { type RealmKey, signingAlgorithms, signingKeyFor } from '../key/key.ts'
import { type AdminApp, type AdminDeps, callOf } from './admin-call.ts'
import { viewRealm } from './admin-role.ts'

export function keyRoutes(app: AdminApp, { ambient }: AdminDeps): void {
  app.get('/keys', { config: { needs: viewRealm } }, async (request) => {
    const { keys } = callOf(request).realm
    return { active: activeKids(keys, ambient.clock.now()), keys: keys.map(keyWire) }
  })
}

function activeKids(keys: readonly RealmKey[], at: Instant): Record<string, string> {
  const active: Record<string, string> = {}
  for (const algorithm of signingAlgorithms) {
    const key = signingKeyFor(keys, algorithm, at)
    if (key) active[algorithm] = key.kid
  }
  return active
}

const keycloakStatus = { active: 'ACTIVE', passive: 'PASSIVE', retired: 'DISABLED' } as const
const keycloakType: Readonly<Record<string, string>> = { RSA: 'RSA', EC: 'EC', OKP: 'OKP' }

function keyWire(key: RealmKey) {
  const spki = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' }).export({
    type: 'spki',
    format: 'der',
  })
  return {
    providerId: key.kid,
    providerPriority: key.priority,
    kid: key.kid,
    status: keycloakStatus[key.status],
    type: keycloakType[key.publicJwk.kty ?? ''],
    algorithm: key.algorithm,
    publicKey: spki.toString('base64'),
    certificate: key.certificate,
    use: 'SIG',
  }
}
