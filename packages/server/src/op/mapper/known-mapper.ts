/** The kinds of mappers that Curfew honours, by Keycloak's names. */
import type { MapperName } from '../../rp/mapper-name.ts'
import {
  acrMapper,
  addressMapper,
  attributeMapper,
  fullNameMapper,
  groupMembershipMapper,
  hardcodedClaimMapper,
  propertyMapper,
  sessionNoteMapper,
} from './account-mapper.ts'
import type { MapperKind } from './mapper-kind.ts'
import {
  allowedOriginsMapper,
  audienceMapper,
  audienceResolveMapper,
  clientRoleMapper,
  hardcodedRoleMapper,
  realmRoleMapper,
  roleNameMapper,
} from './role-mapper.ts'

const kinds: Readonly<Record<MapperName, MapperKind>> = {
  'oidc-usermodel-attribute-mapper': attributeMapper,
  'oidc-usermodel-property-mapper': propertyMapper,
  'oidc-full-name-mapper': fullNameMapper,
  'oidc-address-mapper': addressMapper,
  'oidc-group-membership-mapper': groupMembershipMapper,
  'oidc-usersessionmodel-note-mapper': sessionNoteMapper,
  'oidc-acr-mapper': acrMapper,
  'oidc-hardcoded-claim-mapper': hardcodedClaimMapper,
  'oidc-usermodel-realm-role-mapper': realmRoleMapper,
  'oidc-usermodel-client-role-mapper': clientRoleMapper,
  'oidc-hardcoded-role-mapper': hardcodedRoleMapper,
  'oidc-role-name-mapper': roleNameMapper,
  'oidc-audience-mapper': audienceMapper,
  'oidc-audience-resolve-mapper': audienceResolveMapper,
  'oidc-allowed-origins-mapper': allowedOriginsMapper,
}

/** `oidc-sub-mapper` and the pairwise one are not here: `subjectFor` gives `sub` to every token alike. */
export const knownMappers: ReadonlyMap<string, MapperKind> = new Map(Object.entries(kinds))
