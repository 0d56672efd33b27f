/**
 * Members of a realm file that Curfew keeps and does not use, each with what it would have done (KZ-90). What is
 * empty or off in the file did nothing in Keycloak either and is not listed.
 */
import { mapperNames, subjectMapperNames } from '../../rp/mapper-name.ts'
import { isObject, objectOf, objectsOf, type Representation, textOf } from '../../rp/representation.ts'
import { isBuiltInClient } from './built-in-objects.ts'
import { clientAttributeMeanings } from './client-attribute-meanings.ts'
import { keyProviderType } from './import-keys.ts'

export interface UnusedMember {
  /** `clients[3].implicitFlowEnabled` in short: the object and the member. */
  readonly path: string
  readonly meaning: string
}

type Meanings = Readonly<Record<string, string>>

const realmMeanings: Meanings = {
  authenticationFlows: 'Keycloak would run sign-in steps as drawn there; Curfew has one flow',
  authenticatorConfig: 'settings of authentication flows',
  browserFlow: 'names the flow of browser sign-ins',
  registrationFlow: 'names the flow of registrations',
  directGrantFlow: 'names the flow of the password grant',
  resetCredentialsFlow: 'names the flow of forgotten passwords',
  clientAuthenticationFlow: 'names the flow of client authentication',
  dockerAuthenticationFlow: 'names the flow of Docker registries',
  firstBrokerLoginFlow: 'names the flow of first sign-ins through another provider',
  requiredActions: 'steps that Keycloak asks of a person after sign-in',
  identityProviders: 'people could sign in through another provider; Curfew does not offer that yet',
  identityProviderMappers: 'would copy claims of another provider to accounts',
  userFederationProviders: 'people would be read from another directory',
  organizations: 'would group people by organization',
  organizationsEnabled: 'people could belong to organizations',
  adminPermissionsEnabled: 'fine-grained permissions would decide what administrators may do',
  verifiableCredentialsEnabled: 'the realm would issue verifiable credentials',
  clientOfflineSessionIdleTimeout:
    'idle time of offline sessions of a client; here the one of the realm counts',
  clientOfflineSessionMaxLifespan:
    'greatest age of offline sessions of a client; here the one of the realm counts',
  clientProfiles: 'would set rules for clients',
  clientPolicies: 'would apply rules to clients',
  smtpServer: 'Keycloak would send mail through it',
  browserSecurityHeaders: "would replace security headers; Curfew's are fixed",
  loginTheme: 'would change how the sign-in pages look',
  accountTheme: 'would change how the account pages look',
  adminTheme: 'would change how the console looks',
  emailTheme: 'would change how mails look',
  localizationTexts: 'would replace texts of pages',
  registrationAllowed: 'people could register themselves',
  registrationEmailAsUsername: 'the e-mail address would be the user name of new people',
  resetPasswordAllowed: 'people could ask for a new password by mail',
  verifyEmail: 'people would have to confirm their e-mail address',
  duplicateEmailsAllowed: 'two accounts could have one e-mail address',
  failureFactor: 'so many wrong passwords would lock an account for a while; Curfew has limits of its own',
  maxTemporaryLockouts: 'so many locks would become one for good',
  permanentLockout: 'too many wrong passwords would lock an account for good',
  defaultGroups: 'new accounts would join these groups',
  passwordPolicy: 'rules for new passwords; Curfew takes the password that an administrator sets',
  webAuthnPolicyRpEntityName: 'names the server to security keys',
  refreshTokenMaxReuse: 'a refresh token could be used again that often; Curfew allows no reuse',
  eventsListeners: 'events would go to these listeners; Curfew writes them to the log and the database',
  userManagedAccessAllowed: 'people could share resources (UMA)',
  accessTokenLifespanForImplicitFlow: 'lifetime of tokens of the implicit flow, which Curfew does not offer',
  privateKey: 'an old place of the signing key; key providers are read instead',
  applications: 'the name of clients before Keycloak 2',
  oauthClients: 'the name of clients before Keycloak 2',
  clientTemplates: 'the name of client scopes before Keycloak 4',
  socialProviders: 'the name of identity providers before Keycloak 1.2',
}

const clientMeanings: Meanings = {
  implicitFlowEnabled: 'tokens could come back in the address bar (implicit flow)',
  authorizationServicesEnabled: 'Keycloak would decide on resources and permissions',
  authorizationSettings: 'resources and permissions of authorization services',
  surrogateAuthRequired: 'an old switch of Keycloak adapters',
  authenticationFlowBindingOverrides: 'the client would have sign-in steps of its own',
}

const userMeanings: Meanings = {
  clientConsents: 'what the person allowed an application; Curfew asks again',
  federationLink:
    'the account belongs to a directory outside; here it stands alone and its password may be missing',
  federatedIdentities: 'the person could sign in through another provider',
}

/** Members whose value in this file would do nothing: Keycloak writes its defaults into every export. */
const ordinary: Readonly<Record<string, readonly unknown[]>> = {
  browserFlow: ['browser'],
  registrationFlow: ['registration'],
  directGrantFlow: ['direct grant'],
  resetCredentialsFlow: ['reset credentials'],
  clientAuthenticationFlow: ['clients'],
  dockerAuthenticationFlow: ['docker auth'],
  firstBrokerLoginFlow: ['first broker login'],
  webAuthnPolicyRpEntityName: ['keycloak'],
  accessTokenLifespanForImplicitFlow: [900],
  failureFactor: [30],
}

/** Everything unused in the file; people are counted together. */
export function unusedMembers(file: Representation): readonly UnusedMember[] {
  return [
    ...unusedOf(file, realmMeanings, ''),
    ...unusedComponents(file),
    ...objectsOf(file, 'clients').flatMap((client) => unusedOfClient(client, textOf(file, 'realm') ?? '')),
    ...objectsOf(file, 'clientScopes').flatMap((scope) =>
      unknownMappers(scope, `client scope "${textOf(scope, 'name')}": `),
    ),
    ...unusedOfUsers(file),
  ]
}

/** Keycloak's own clients are kept as it made them, and nobody here relies on them. */
function unusedOfClient(client: Representation, realmName: string): readonly UnusedMember[] {
  const clientId = textOf(client, 'clientId') ?? ''
  const prefix = `client "${clientId}": `
  const isOurs = isBuiltInClient(realmName, clientId) || client['protocol'] === 'saml'
  return [
    ...unusedOf(client, clientMeanings, prefix),
    ...(isOurs ? [] : unusedOf(objectOf(client, 'attributes'), clientAttributeMeanings, prefix)),
    ...unknownMappers(client, prefix),
  ]
}

function unknownMappers(of: Representation, prefix: string): readonly UnusedMember[] {
  const known = new Set<string>([...mapperNames, ...subjectMapperNames])
  return objectsOf(of, 'protocolMappers')
    .filter((mapper) => textOf(mapper, 'protocol') !== 'saml')
    .map((mapper) => ({ name: textOf(mapper, 'name') ?? '', kind: textOf(mapper, 'protocolMapper') ?? '' }))
    .filter(({ kind }) => kind !== '' && !known.has(kind))
    .map(({ name, kind }) => ({
      path: `${prefix}mapper "${name}"`,
      meaning: `would write claims; Curfew has no mapper of the kind ${kind}`,
    }))
}

function unusedOf(of: Representation, meanings: Meanings, prefix: string): readonly UnusedMember[] {
  return Object.keys(meanings)
    .filter((name) => doesSomething(name, of[name]))
    .map((name) => ({ path: prefix + name, meaning: meanings[name] as string }))
}

/** Attributes are texts, flags among them. */
const nothings: readonly unknown[] = [undefined, null, false, 0, '', 'false']

function doesSomething(name: string, value: unknown): boolean {
  if (nothings.some((nothing) => value === nothing)) return false
  if (Array.isArray(value))
    return name === 'authenticationFlows' ? value.some(isOwnFlow) : value.some(isEnabled)
  if (isObject(value)) return Object.values(value).some((member) => doesSomething('', member))
  return !(ordinary[name] ?? []).includes(value)
}

const isOwnFlow = (flow: unknown): boolean => isObject(flow) && flow['builtIn'] === false
const isEnabled = (item: unknown): boolean => !isObject(item) || item['enabled'] !== false

const componentMeanings: Meanings = {
  'org.keycloak.storage.UserStorageProvider': 'people would be read from another directory (LDAP, Kerberos)',
  'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy':
    'rules for applications that register themselves',
  'org.keycloak.userprofile.UserProfileProvider': 'rules for the attributes of people',
}

function unusedComponents(file: Representation): readonly UnusedMember[] {
  const components = objectOf(file, 'components')
  return Object.keys(components)
    .filter((type) => type !== keyProviderType && objectsOf(components, type).length > 0)
    .map((type) => ({
      path: `components: ${type.split('.').at(-1)} (${objectsOf(components, type).length})`,
      meaning: componentMeanings[type] ?? 'an extension of Keycloak that Curfew does not know',
    }))
}

function unusedOfUsers(file: Representation): readonly UnusedMember[] {
  const users = objectsOf(file, 'users')
  return Object.keys(userMeanings).flatMap((name) => {
    const count = users.filter((user) => doesSomething(name, user[name])).length
    return count === 0
      ? []
      : [
          {
            path: `${name} of ${count} account${count === 1 ? '' : 's'}`,
            meaning: userMeanings[name] as string,
          },
        ]
  })
}
