/**
 * What warm Keycloak 26.5 with its database used for one operation, in CPU milliseconds, on a machine on which a
 * signature cost what stands here. It is not run by the bench: the figures are of another machine, so a ratio to
 * them is meaningful only beside the price of a signature here and there.
 */
export const signatureCpuMs = { RS256: 0.82, ES256: 0.1 } as const

/** By the names of `load.ts`; Keycloak signs with RS256. */
export const keycloakCpuMs: Readonly<Record<string, number>> = {
  'code flow': 8.9,
  refresh: 4.3,
  'client credentials': 2.8,
  introspection: 0.66,
  userinfo: 0.56,
  'sign-out of 3': 10.3,
}
