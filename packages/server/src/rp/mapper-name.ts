/** Names of the kinds of protocol mappers that Curfew honours, as Keycloak writes them. */
export const mapperNames = [
  'oidc-usermodel-attribute-mapper',
  'oidc-usermodel-property-mapper',
  'oidc-full-name-mapper',
  'oidc-address-mapper',
  'oidc-group-membership-mapper',
  'oidc-usersessionmodel-note-mapper',
  'oidc-acr-mapper',
  'oidc-hardcoded-claim-mapper',
  'oidc-usermodel-realm-role-mapper',
  'oidc-usermodel-client-role-mapper',
  'oidc-hardcoded-role-mapper',
  'oidc-role-name-mapper',
  'oidc-audience-mapper',
  'oidc-audience-resolve-mapper',
  'oidc-allowed-origins-mapper',
] as const

export type MapperName = (typeof mapperNames)[number]

/** `subjectFor` gives `sub` to every token alike, so these two are honoured without a kind of their own. */
export const subjectMapperNames: readonly string[] = ['oidc-sub-mapper', 'oidc-sha256-pairwise-sub-mapper']
