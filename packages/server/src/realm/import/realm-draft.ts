/**
 * A realm as a file describes it, taken apart into the rows that it becomes. Everything refers to everything else
 * by name, as in the file; ids are given when it is written.
 */
import {
  countOf,
  flagOf,
  objectOf,
  objectsOf,
  type Representation,
  textOf,
  textsOf,
  without,
} from '../../rp/representation.ts'

/** Role names by owner: of the realm, and of clients by `client_id`. undefined = the file does not say. */
export interface RoleNames {
  readonly realm: readonly string[] | undefined
  readonly clients: Readonly<Record<string, readonly string[]>> | undefined
}

export interface ScopeDraft {
  readonly id: string | undefined
  readonly name: string
  readonly representation: Representation
}

export interface ClientDraft {
  readonly id: string | undefined
  readonly clientId: string
  /** In clear; `secretMask` when a console export hid it. */
  readonly secret: string | undefined
  readonly representation: Representation
}

export interface RoleDraft {
  readonly id: string | undefined
  readonly clientId: string | undefined
  readonly name: string
  readonly representation: Representation
  readonly composites: RoleNames
}

export interface GroupDraft {
  readonly id: string | undefined
  readonly name: string
  readonly path: string
  readonly parentPath: string | undefined
  readonly representation: Representation
  readonly roles: RoleNames
}

export interface AccountDraft {
  readonly id: string | undefined
  readonly username: string
  readonly representation: Representation
  readonly roles: RoleNames
  readonly groups: readonly string[]
  /** As in the file. */
  readonly credentials: readonly Representation[]
  readonly serviceAccountClientId: string | undefined
}

export interface RealmDraft {
  readonly id: string | undefined
  readonly name: string
  /** The realm's own members, without the objects below. */
  readonly representation: Representation
  readonly scopes: readonly ScopeDraft[]
  readonly clients: readonly ClientDraft[]
  readonly roles: readonly RoleDraft[]
  readonly groups: readonly GroupDraft[]
  readonly accounts: readonly AccountDraft[]
}

/** What Keycloak's console writes in place of a secret. */
export const secretMask = '**********'

const realmParts = ['id', 'realm', 'users', 'clients', 'clientScopes', 'roles', 'groups']
const accountParts = [
  'id',
  'username',
  'email',
  'emailVerified',
  'firstName',
  'lastName',
  'enabled',
  'attributes',
  'createdTimestamp',
  'notBefore',
  'credentials',
  'realmRoles',
  'clientRoles',
  'groups',
  'serviceAccountClientId',
]

/** Members of a user that have a column or a table of their own; the others are kept as representation. */
export const accountRest = (of: Representation): Representation => without(of, accountParts)

/** Takes a checked realm file apart. */
export function draftFromExport(file: Representation): RealmDraft {
  const roles = objectOf(file, 'roles')
  const clientRoles = objectOf(roles, 'client')
  return {
    id: textOf(file, 'id'),
    name: textOf(file, 'realm') ?? '',
    representation: without(file, realmParts),
    scopes: objectsOf(file, 'clientScopes').map((scope) => ({
      id: textOf(scope, 'id'),
      name: textOf(scope, 'name') ?? '',
      representation: without(scope, ['id', 'name']),
    })),
    clients: objectsOf(file, 'clients').map(clientDraft),
    roles: [
      ...objectsOf(roles, 'realm').map((role) => roleDraft(role, undefined)),
      ...Object.keys(clientRoles).flatMap((clientId) =>
        objectsOf(clientRoles, clientId).map((role) => roleDraft(role, clientId)),
      ),
    ],
    groups: groupDrafts(file, 'groups', undefined),
    accounts: objectsOf(file, 'users').map(accountDraft),
  }
}

function clientDraft(client: Representation): ClientDraft {
  return {
    id: textOf(client, 'id'),
    clientId: textOf(client, 'clientId') ?? '',
    secret: textOf(client, 'secret'),
    representation: without(client, ['id', 'clientId', 'secret']),
  }
}

function roleDraft(role: Representation, clientId: string | undefined): RoleDraft {
  const composites = objectOf(role, 'composites')
  const isNamed = 'composites' in role
  return {
    id: textOf(role, 'id'),
    clientId,
    name: textOf(role, 'name') ?? '',
    representation: without(role, ['id', 'name', 'composites', 'composite', 'clientRole', 'containerId']),
    composites: {
      realm: isNamed ? textsOf(composites, 'realm') : undefined,
      clients: isNamed ? rolesByClient(composites, 'client') : undefined,
    },
  }
}

function groupDrafts(
  of: Representation,
  member: string,
  parentPath: string | undefined,
): readonly GroupDraft[] {
  return objectsOf(of, member).flatMap((group) => {
    const name = textOf(group, 'name') ?? ''
    const path = groupPath(parentPath ?? '', name, textOf(group, 'path'))
    const draft = {
      id: textOf(group, 'id'),
      name,
      path,
      parentPath,
      representation: without(group, [
        'id',
        'name',
        'path',
        'parentId',
        'subGroups',
        'realmRoles',
        'clientRoles',
      ]),
      roles: rolesOf(group),
    }
    return [draft, ...groupDrafts(group, 'subGroups', path)]
  })
}

/** Keycloak writes a slash of a name as it stands; a server option escapes it with a tilde, which the file then shows. */
function groupPath(parentPath: string, name: string, written: string | undefined): string {
  const escaped = `${parentPath}/${name.replaceAll('/', '~/')}`
  return written === escaped ? escaped : `${parentPath}/${name}`
}

function accountDraft(user: Representation): AccountDraft {
  return {
    id: textOf(user, 'id'),
    username: textOf(user, 'username') ?? '',
    representation: user,
    roles: rolesOf(user),
    groups: textsOf(user, 'groups'),
    credentials: objectsOf(user, 'credentials'),
    serviceAccountClientId: textOf(user, 'serviceAccountClientId'),
  }
}

function rolesOf(of: Representation): RoleNames {
  return {
    realm: of['realmRoles'] == null ? undefined : textsOf(of, 'realmRoles'),
    clients: of['clientRoles'] == null ? undefined : rolesByClient(of, 'clientRoles'),
  }
}

function rolesByClient(of: Representation, member: string): Readonly<Record<string, readonly string[]>> {
  const map = objectOf(of, member)
  return Object.fromEntries(Object.keys(map).map((clientId) => [clientId, textsOf(map, clientId)] as const))
}

/** True for a client that a person can be signed in at, so one that a sign-out must reach. */
export function isApplication(draft: ClientDraft): boolean {
  const of = draft.representation
  if (!flagOf(of, 'enabled', true) || flagOf(of, 'bearerOnly', false)) return false
  if (textOf(of, 'protocol') === 'saml') return true
  return flagOf(of, 'standardFlowEnabled', true) || flagOf(of, 'directAccessGrantsEnabled', false)
}

/** NumericDate of a member, 0 for none. */
export const notBeforeOf = (of: Representation): number => countOf(of, 'notBefore', 0)
