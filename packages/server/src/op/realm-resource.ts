/**
 * The realm as a resource (RFC 8707). It is the default of every request, and the engine's way to access tokens
 * that are JWTs: their format and algorithm belong to a resource.
 */
export const realmResource = 'urn:curfew:realm'
