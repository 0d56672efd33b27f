/**
 * Which grant an authorization request works with (RFC 6749 §1.3). Three kinds: derived (no row), offline (a
 * row that outlives the session, SR-06), and the consent that a person gave (a row for person and client).
 */
import type Provider from 'oidc-provider'
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { type Random, randomId } from '../ambient/random.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import { derivedGrant, newDerivedGrantId } from './derived-grant.ts'
import { supportedScopes } from './mapper/granted-scope.ts'
import { currentWork, type UnitOfWork } from './unit-of-work/unit-of-work.ts'

export interface LoadGrantDeps {
  readonly on: Queryable
  readonly random: Random
}

export async function loadExistingGrant(
  deps: LoadGrantDeps,
  ctx: KoaContextWithOIDC,
): Promise<Grant | undefined> {
  const { oidc } = ctx
  const work = currentWork()
  const client = work.realm.clients.get(oidc.client?.clientId ?? '')
  const accountId = oidc.account?.accountId
  if (!client || accountId === undefined) return undefined
  if (client.consentRequired) return consentGrant(deps, ctx, client.clientId, accountId)
  if (isOfflineRequest(ctx)) return offlineGrant(deps, ctx, work, client.clientId, accountId)
  const known = oidc.session?.authorizations?.[client.clientId]?.grantId
  const jti = known ?? newDerivedGrantId(deps.random)
  return newGrant(oidc.provider, derivedGrant(work.realm, { jti, clientId: client.clientId, accountId }))
}

function newGrant(provider: Provider, payload: object): Grant {
  return new provider.Grant(payload)
}

/** Saved with the code (`outlivesSession`), so that a request which ends at the sign-in page leaves no row. */
function offlineGrant(
  deps: LoadGrantDeps,
  { oidc }: KoaContextWithOIDC,
  work: UnitOfWork,
  clientId: string,
  accountId: string,
): Grant {
  const jti = randomId(deps.random, 'og.')
  work.offlineGrants.set(jti, oidc.session?.uid)
  return newGrant(oidc.provider, derivedGrant(work.realm, { jti, clientId, accountId }))
}

async function consentGrant(
  { on }: LoadGrantDeps,
  { oidc }: KoaContextWithOIDC,
  clientId: string,
  accountId: string,
): Promise<Grant | undefined> {
  const given = oidc.result?.consent?.grantId ?? oidc.session?.grantIdFor(clientId)
  const grant = given === undefined ? undefined : await oidc.provider.Grant.find(given)
  if (grant) return grant
  const row = await on.db
    .selectFrom('artifact')
    .select('grant_id')
    .where('kind', '=', 'Grant')
    .where('account_id', '=', accountId)
    .where('client_id', '=', clientId)
    .where('is_offline', '=', 0)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.grant_id ? oidc.provider.Grant.find(row.grant_id) : undefined
}

/** True when the request asks for a grant that outlives the session, and the client may have one. */
export function isOfflineRequest({ oidc }: KoaContextWithOIDC): boolean {
  return String(oidc.params?.['scope'] ?? '')
    .split(' ')
    .includes('offline_access')
}

/**
 * The engine drops `offline_access` unless the request says `prompt=consent` (OpenID Connect Core §11), which
 * Keycloak does not ask for. It is put back for clients that have the scope.
 */
export function keepOfflineAccess(ctx: KoaContextWithOIDC, realm: Realm, client: Client): void {
  const { params } = ctx.oidc
  const asked = ctx.oidc.body?.['scope'] ?? ctx.query?.['scope']
  if (!params || typeof asked !== 'string' || !asked.split(' ').includes('offline_access')) return
  const scopes = new Set(
    String(params['scope'] ?? '')
      .split(' ')
      .filter(Boolean),
  )
  if (supportedScopes(realm, client).includes('offline_access')) scopes.add('offline_access')
  else scopes.delete('offline_access')
  params['scope'] = [...scopes].join(' ')
}
