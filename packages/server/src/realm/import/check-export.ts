/**
 * Whether a realm file has the form that it must have: types of the members that Curfew reads, names where they
 * are needed, nothing twice. All problems are found at once; members that Curfew does not read are not judged.
 */
import { isObject, type Representation } from '../../rp/representation.ts'
import { memberPath } from './scan-json.ts'

export interface ExportProblem {
  /** `clients[3].redirectUris`; empty for the file as a whole. */
  readonly path: string
  /** `expected a list of texts, found a number`. */
  readonly message: string
}

type Kind =
  | 'realm name'
  | 'name'
  | 'id'
  | 'text'
  | 'flag'
  | 'count'
  | 'texts'
  | 'text map'
  | 'texts map'
  | 'object'
  | 'map of texts'
  | Shape
type Shape = { readonly [member: string]: Kind | readonly [Shape] | { readonly mapOf: readonly [Shape] } }

const mapper: Shape = { id: 'id', name: 'text', protocol: 'text', protocolMapper: 'text', config: 'text map' }
const composites: Shape = { realm: 'texts', client: 'map of texts' }
const role: Shape = { id: 'id', name: 'name', description: 'text', composites, attributes: 'texts map' }
const scopeMapping: Shape = { client: 'text', clientScope: 'text', roles: 'texts' }

const client: Shape = {
  id: 'id',
  clientId: 'name',
  name: 'text',
  enabled: 'flag',
  protocol: 'text',
  publicClient: 'flag',
  bearerOnly: 'flag',
  consentRequired: 'flag',
  standardFlowEnabled: 'flag',
  directAccessGrantsEnabled: 'flag',
  serviceAccountsEnabled: 'flag',
  frontchannelLogout: 'flag',
  fullScopeAllowed: 'flag',
  clientAuthenticatorType: 'text',
  secret: 'text',
  rootUrl: 'text',
  adminUrl: 'text',
  baseUrl: 'text',
  redirectUris: 'texts',
  webOrigins: 'texts',
  notBefore: 'count',
  attributes: 'text map',
  protocolMappers: [mapper],
  defaultClientScopes: 'texts',
  optionalClientScopes: 'texts',
}

const user: Shape = {
  id: 'id',
  username: 'name',
  email: 'text',
  emailVerified: 'flag',
  firstName: 'text',
  lastName: 'text',
  enabled: 'flag',
  createdTimestamp: 'count',
  notBefore: 'count',
  attributes: 'texts map',
  realmRoles: 'texts',
  clientRoles: 'map of texts',
  groups: 'texts',
  requiredActions: 'texts',
  serviceAccountClientId: 'text',
  credentials: [
    { id: 'id', type: 'text', userLabel: 'text', createdDate: 'count', value: 'text', priority: 'count' },
  ],
}

/** Groups nest; deeper levels are judged by the same shape when they are read. */
const group: Shape = {
  id: 'id',
  name: 'name',
  path: 'text',
  attributes: 'texts map',
  realmRoles: 'texts',
  clientRoles: 'map of texts',
}

const realm: Shape = {
  id: 'id',
  realm: 'realm name',
  displayName: 'text',
  enabled: 'flag',
  sslRequired: 'text',
  attributes: 'text map',
  notBefore: 'count',
  registrationAllowed: 'flag',
  loginWithEmailAllowed: 'flag',
  rememberMe: 'flag',
  bruteForceProtected: 'flag',
  revokeRefreshToken: 'flag',
  ssoSessionIdleTimeout: 'count',
  ssoSessionMaxLifespan: 'count',
  ssoSessionIdleTimeoutRememberMe: 'count',
  ssoSessionMaxLifespanRememberMe: 'count',
  clientSessionIdleTimeout: 'count',
  clientSessionMaxLifespan: 'count',
  offlineSessionIdleTimeout: 'count',
  offlineSessionMaxLifespanEnabled: 'flag',
  offlineSessionMaxLifespan: 'count',
  accessTokenLifespan: 'count',
  accessCodeLifespan: 'count',
  accessCodeLifespanUserAction: 'count',
  accessCodeLifespanLogin: 'count',
  defaultSignatureAlgorithm: 'text',
  eventsEnabled: 'flag',
  eventsExpiration: 'count',
  enabledEventTypes: 'texts',
  adminEventsEnabled: 'flag',
  internationalizationEnabled: 'flag',
  supportedLocales: 'texts',
  defaultLocale: 'text',
  passwordPolicy: 'text',
  roles: { realm: [role], client: { mapOf: [role] } },
  groups: [group],
  defaultRole: { id: 'id', name: 'text' },
  defaultRoles: 'texts',
  clients: [client],
  clientScopes: [
    { id: 'id', name: 'name', protocol: 'text', attributes: 'text map', protocolMappers: [mapper] },
  ],
  defaultDefaultClientScopes: 'texts',
  defaultOptionalClientScopes: 'texts',
  scopeMappings: [scopeMapping],
  clientScopeMappings: { mapOf: [scopeMapping] },
  users: [user],
  components: 'object',
}

/** Problems are cut here: a file of another kind would otherwise name every line. */
export const problemCountMax = 100

/** Judges a parsed realm file. */
export function checkRealmFile(value: unknown): readonly ExportProblem[] {
  const problems: ExportProblem[] = []
  if (!isObject(value))
    return [{ path: '', message: `expected one realm as an object, found ${describe(value)}` }]
  checkShape(problems, '', value, realm)
  checkGroups(problems, value)
  checkTwice(problems, value, 'clients', 'clientId', (name) => name)
  checkTwice(problems, value, 'users', 'username', (name) => name.toLowerCase())
  checkTwice(problems, value, 'clientScopes', 'name', (name) => name)
  return problems.slice(0, problemCountMax)
}

/** Judges `<realm>-users-N.json`. */
export function checkUsersFile(value: unknown, realmName: string): readonly ExportProblem[] {
  const problems: ExportProblem[] = []
  if (!isObject(value))
    return [{ path: '', message: `expected users of a realm as an object, found ${describe(value)}` }]
  checkShape(problems, '', value, { realm: 'name', users: [user] })
  if (typeof value['realm'] === 'string' && value['realm'] !== realmName) {
    problems.push({
      path: 'realm',
      message: `expected "${realmName}" as in the realm file, found "${value['realm']}"`,
    })
  }
  return problems.slice(0, problemCountMax)
}

function checkShape(problems: ExportProblem[], path: string, of: Representation, shape: Shape): void {
  for (const [member, kind] of Object.entries(shape)) {
    const value = of[member]
    const at = memberPath(path, member)
    // null is Keycloak's way to write "absent"
    if (value !== undefined && value !== null) checkValue(problems, at, value, kind)
    else if (kind === 'name' || kind === 'realm name')
      problems.push({ path: at, message: 'expected a name, found nothing' })
  }
}

function checkValue(problems: ExportProblem[], path: string, value: unknown, kind: Shape[string]): void {
  if (isListOf(kind)) {
    if (!Array.isArray(value)) problems.push(expected(path, 'a list of objects', value))
    else for (const [index, item] of value.entries()) checkItem(problems, `${path}[${index}]`, item, kind[0])
  } else if (typeof kind === 'string') {
    const [wanted, isRight] = kinds[kind]
    if (!isRight(value)) problems.push(expected(path, wanted, value))
  } else if (!isObject(value)) {
    problems.push(expected(path, 'an object', value))
  } else if (isMapOf(kind)) {
    for (const [name, list] of Object.entries(value))
      checkValue(problems, memberPath(path, name), list, kind.mapOf)
  } else {
    checkShape(problems, path, value, kind)
  }
}

function isListOf(kind: Shape[string]): kind is readonly [Shape] {
  return Array.isArray(kind)
}

function isMapOf(kind: object): kind is { readonly mapOf: readonly [Shape] } {
  return 'mapOf' in kind && Array.isArray(kind.mapOf)
}

function checkItem(problems: ExportProblem[], path: string, item: unknown, shape: Shape): void {
  if (isObject(item)) checkShape(problems, path, item, shape)
  else problems.push(expected(path, 'an object', item))
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isScalar = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)
const isMapWith = (isRight: (value: unknown) => boolean) => (value: unknown) =>
  isObject(value) && Object.values(value).every((one) => one === null || isRight(one))

/** A realm's name is a segment of its addresses, so nothing in it may need escaping there, or be read another way round. */
const realmName = /^(?!\.{1,2}$)[^\s\p{Cc}\p{Cf}\p{Cs}/?#[\]@!$&'()*+,;=%\\:<>"`{|}^]{1,255}$/u

const kinds: Readonly<
  Record<Extract<Kind, string>, readonly [wanted: string, isRight: (value: unknown) => boolean]>
> = {
  'realm name': [
    'a name that can stand in an address',
    (value) => typeof value === 'string' && realmName.test(value),
  ],
  name: [
    'a name of 1 to 255 characters',
    (value) => typeof value === 'string' && /\S/.test(value) && value.length <= 255,
  ],
  // account queries join ids with a space
  id: [
    'an id of 1 to 255 characters without spaces',
    (value) => typeof value === 'string' && /^\S{1,255}$/.test(value),
  ],
  text: ['a text', isText],
  flag: ['true or false', (value) => typeof value === 'boolean' || value === 'true' || value === 'false'],
  count: [
    'a whole number from 0 on',
    (value) =>
      (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) ||
      (typeof value === 'string' && /^\d{1,15}$/.test(value)),
  ],
  texts: ['a list of texts', isTexts],
  'text map': ['an object of texts', isMapWith(isScalar)],
  'texts map': ['an object of lists of texts', isMapWith((value) => isText(value) || isTexts(value))],
  'map of texts': ['an object of lists of texts', isMapWith(isTexts)],
  object: ['an object', isObject],
}

/** Groups nest, so their shape is followed by hand. */
function checkGroups(
  problems: ExportProblem[],
  of: Representation,
  path = '',
  member = 'groups',
  depth = 0,
): void {
  const list = of[member]
  if (!Array.isArray(list) || depth > groupDepthMax) return
  const at = memberPath(path, member)
  for (const [index, item] of list.entries()) {
    if (depth > 0) checkItem(problems, `${at}[${index}]`, item, group)
    if (isObject(item)) checkGroups(problems, item, `${at}[${index}]`, 'subGroups', depth + 1)
  }
}

export const groupDepthMax = 32

function checkTwice(
  problems: ExportProblem[],
  of: Representation,
  list: string,
  member: string,
  canonical: (name: string) => string,
): void {
  const items = of[list]
  if (!Array.isArray(items)) return
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const name: unknown = isObject(item) ? item[member] : undefined
    if (typeof name !== 'string') continue
    const first = seen.get(canonical(name))
    if (first === undefined) seen.set(canonical(name), index)
    else
      problems.push({
        path: `${list}[${index}].${member}`,
        message: `"${name}" is there already, as ${list}[${first}]`,
      })
  }
}

function expected(path: string, wanted: string, value: unknown): ExportProblem {
  const hint =
    typeof value === 'string' && value.includes('${') ? '; the environment has no value for it' : ''
  return { path, message: `expected ${wanted}, found ${describe(value)}${hint}` }
}

/** The kind of a value and, for short harmless ones, the value: a wrong secret must not end in a log. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string')
    return value.includes('${') ? `the placeholder ${value.slice(0, 60)}` : 'a text'
  if (typeof value === 'number') return `the number ${value}`
  return typeof value === 'boolean' ? String(value) : 'an object'
}
