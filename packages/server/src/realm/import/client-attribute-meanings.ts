/** Attributes of a client that Keycloak acts on and Curfew does not, each with what it would have done (KZ-90). */
export const clientAttributeMeanings: Readonly<Record<string, string>> = {
  'id.token.encrypted.response.alg': 'ID tokens would be encrypted; Curfew signs them alone',
  'user.info.response.signature.alg': 'userinfo would be signed; Curfew answers plain JSON',
  'user.info.encrypted.response.alg': 'userinfo would be encrypted; Curfew answers plain JSON',
  'authorization.signed.response.alg': 'names the algorithm of signed authorization responses (JARM)',
  'request.object.required': 'authorization requests would have to be signed',
  'tls.client.certificate.bound.access.tokens': 'tokens would be bound to a client certificate',
  'client.use.lightweight.access.token.enabled': 'access tokens would carry few claims; here they carry all',
  'standard.token.exchange.enabled': 'the client could exchange tokens',
  'oauth2.device.authorization.grant.enabled': 'people could sign in on a device without a keyboard',
  'oauth2.jwt.authorization.grant.enabled': 'the client could trade assertions of others for tokens',
  'oidc.ciba.grant.enabled': 'the client could ask for sign-ins on another device (CIBA)',
  'client_credentials.use_refresh_token': 'the client would get a refresh token for itself',
  'default.acr.values': 'levels of sign-in that the client would ask for',
  'minimum.acr.value': 'a level of sign-in that the client would demand',
  login_theme: 'would change how the sign-in pages look for this client',
  'x509.subjectdn': 'the client would prove itself by this certificate',
}
