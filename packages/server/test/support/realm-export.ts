/** A realm in the form of Keycloak's export, for whole-server tests and benches: people and applications as asked for. */

export interface RealmExportOptions {
  readonly realm?: string
  readonly clients: readonly ClientExport[]
  readonly usernames?: readonly string[]
  /** Of every person. */
  readonly userAttributes?: Readonly<Record<string, readonly string[]>>
  readonly settings?: Readonly<Record<string, unknown>>
  readonly attributes?: Readonly<Record<string, string>>
}

export interface ClientExport {
  readonly clientId: string
  readonly redirectUri?: string
  readonly backchannelUrl?: string
  readonly algorithm?: 'RS256' | 'ES256'
  readonly publicClient?: boolean
  readonly serviceAccount?: boolean
  readonly frontchannelLogout?: boolean
  readonly attributes?: Readonly<Record<string, string>>
  /** Further members, as Keycloak names them. */
  readonly representation?: Readonly<Record<string, unknown>>
}

/** The secret of every confidential client, and the password of every person. */
export const testSecret = 'a-secret-of-the-tests'
export const testPassword = 'correct horse battery staple'

export function realmExport(options: RealmExportOptions): string {
  const { realm = 'test', usernames = ['alice'], settings = {}, attributes = {} } = options
  return JSON.stringify({
    realm,
    enabled: true,
    sslRequired: 'none',
    eventsEnabled: true,
    attributes,
    ...settings,
    users: usernames.map((username) => ({
      username,
      enabled: true,
      email: `${username}@example.org`,
      emailVerified: true,
      firstName: username,
      lastName: 'Example',
      attributes: options.userAttributes ?? {},
      credentials: [{ type: 'password', value: testPassword }],
    })),
    clients: options.clients.map(clientExport),
  })
}

function clientExport(client: ClientExport): Record<string, unknown> {
  const { clientId, redirectUri = `https://${clientId}.example/callback`, algorithm } = client
  return {
    clientId,
    name: clientId,
    enabled: true,
    protocol: 'openid-connect',
    publicClient: client.publicClient ?? false,
    ...(client.publicClient ? {} : { secret: testSecret }),
    standardFlowEnabled: true,
    serviceAccountsEnabled: client.serviceAccount ?? false,
    frontchannelLogout: client.frontchannelLogout ?? false,
    redirectUris: [redirectUri],
    webOrigins: ['+'],
    attributes: {
      'post.logout.redirect.uris': '+',
      ...(client.backchannelUrl ? { 'backchannel.logout.url': client.backchannelUrl } : {}),
      ...(algorithm
        ? { 'id.token.signed.response.alg': algorithm, 'access.token.signed.response.alg': algorithm }
        : {}),
      ...client.attributes,
    },
    ...client.representation,
  }
}
