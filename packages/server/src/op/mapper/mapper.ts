/**
 * What tokens and userinfo say of an account: Keycloak's protocol mappers, configured once and run per token.
 *
 * Terms
 * - mapper: one configured rule that writes claims; it belongs to a client or to a client scope.
 * - kind: what the rule does (`oidc-usermodel-attribute-mapper`, …).
 * - target: where claims go. Each mapper says by flags into which targets it writes.
 *
 * Invariants
 * - Pure: the same realm, client, account, scopes and notes give the same claims.
 * - A mapper never writes the claims by which the server judges a token, nor `sub` (claim-path.ts, subject.ts).
 * - A kind that is not known writes nothing; the import report names it.
 */
import type { Account } from '../../account/account.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import type { Claims } from './claim-path.ts'
import { type ClaimTarget, claimPlan } from './claim-plan.ts'
import { type GrantedRoles, grantedRoles, hasAnyRole } from './granted-roles.ts'
import type { Making, SessionNotes } from './mapper-kind.ts'

/**
 * The claims that the mappers of the client and of its granted client scopes write into `target`. `aud` is a
 * text or a list, without the client itself. The caller adds `sub` (`subjectFor`) and the token's own members.
 *
 * @param scopes the granted scope, split; the client's default client scopes apply even if not named
 * @param notes what the session adds: `AUTH_TIME` in seconds, `acr`
 */
export function claimsFor(
  realm: Realm,
  client: Client,
  account: Account,
  scopes: readonly string[],
  target: ClaimTarget,
  notes: SessionNotes = {},
): Claims {
  const plan = claimPlan(realm, client, scopes)
  let roles: GrantedRoles | undefined
  const making: Making = {
    realm,
    client,
    account,
    notes,
    claims: {},
    audience: new Set(),
    roles() {
      roles ??= grantedRoles(realm, client, account, plan.scopeNames)
      return roles
    },
  }
  for (const step of plan.steps[target]) {
    if (step.roles.length === 0 || hasAnyRole(realm, account, step.roles)) step.run(making)
  }
  if (making.audience.size > 0) {
    const audience = [...making.audience]
    making.claims['aud'] = audience.length === 1 ? audience[0] : audience
  }
  return making.claims
}
