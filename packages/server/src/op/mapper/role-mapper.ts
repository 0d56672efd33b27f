/** Mappers that read roles, audiences and origins. */
import { allowedOrigins } from '../../rp/web-origins.ts'
import { putClaim, splitClaimPath } from './claim-path.ts'
import { claimValue } from './claim-value.ts'
import { addClientRole, type GrantedRoles } from './granted-roles.ts'
import { clientIdPlaceholder, type Making, type MapperConfig, type MapperKind } from './mapper-kind.ts'

const priority = { renamed: 10, added: 20, audience: 30, written: 40 } as const

export const realmRoleMapper: MapperKind = {
  priority: priority.written,
  reads: 'roles',
  configure(config) {
    const path = splitClaimPath(config['claim.name'] ?? '')
    const prefix = config['usermodel.realmRoleMapping.rolePrefix'] ?? ''
    return (making) => putClaim(making.claims, path, roleNames(config, making.roles().realm, prefix))
  },
}

/** `${client_id}` in the claim's name stands for the client whose roles they are. */
export const clientRoleMapper: MapperKind = {
  priority: priority.written,
  reads: 'roles',
  configure(config) {
    const only = config['usermodel.clientRoleMapping.clientId']
    const prefix = config['usermodel.clientRoleMapping.rolePrefix'] ?? ''
    const name = config['claim.name'] ?? ''
    return (making) => {
      for (const [clientId, roles] of making.roles().clients) {
        if (only && only !== clientId) continue
        const escaped = clientId.replaceAll(/[\\.]/g, '\\$&')
        const path = splitClaimPath(name.replaceAll(clientIdPlaceholder, () => escaped))
        const ownPrefix = prefix.replaceAll(clientIdPlaceholder, () => clientId)
        putClaim(making.claims, path, roleNames(config, roles, ownPrefix))
      }
    }
  },
}

/** `role` is the name of a realm role, or `client.role`. */
export const hardcodedRoleMapper: MapperKind = {
  priority: priority.added,
  reads: 'roles',
  isForEveryTarget: true,
  configure(config) {
    const role = config['role'] ?? ''
    return (making) => placeRole(making, making.roles(), role)
  },
}

export const roleNameMapper: MapperKind = {
  priority: priority.renamed,
  reads: 'roles',
  isForEveryTarget: true,
  configure(config) {
    const from = config['role'] ?? ''
    const to = config['new.role.name'] ?? ''
    return (making) => {
      const roles = making.roles()
      const [clientId, name] = splitRole(making, from)
      const place = clientId === undefined ? roles.realm : roles.clients.get(clientId)
      if (to && place?.delete(name)) placeRole(making, roles, to)
    }
  },
}

export const audienceMapper: MapperKind = {
  priority: priority.audience,
  reads: 'profile',
  isNeverInUserinfo: true,
  configure(config) {
    const value = config['included.client.audience'] || config['included.custom.audience']
    return ({ audience }) => {
      if (value) audience.add(value)
    }
  },
}

/** Every other client in which the account has a role that this token names. */
export const audienceResolveMapper: MapperKind = {
  priority: priority.audience,
  reads: 'roles',
  isAlwaysInAccessToken: true,
  isNeverInUserinfo: true,
  configure: () => (making) => {
    for (const [clientId, roles] of making.roles().clients) {
      if (clientId !== making.client.clientId && roles.size > 0) making.audience.add(clientId)
    }
  },
}

export const allowedOriginsMapper: MapperKind = {
  priority: 0,
  reads: 'profile',
  isAlwaysInAccessToken: true,
  isNeverInUserinfo: true,
  configure: () => (making) => {
    const origins = allowedOrigins(making.client)
    if (origins.length > 0) making.claims['allowed-origins'] = [...origins]
  },
}

function roleNames(config: MapperConfig, roles: ReadonlySet<string>, prefix: string): unknown {
  // exports of older Keycloaks lack `multivalued` on role mappers and mean a list all the same
  const multivalued = config['multivalued'] ?? 'true'
  return claimValue(
    { ...config, multivalued },
    [...roles].map((role) => prefix + role),
  )
}

function placeRole(making: Making, roles: GrantedRoles, role: string): void {
  const [clientId, name] = splitRole(making, role)
  if (clientId === undefined) roles.realm.add(name)
  else addClientRole(roles, clientId, name)
}

/** `client.role` names a client role only if there is such a client: ids and names may both hold dots. */
function splitRole({ realm }: Making, role: string): readonly [clientId: string | undefined, name: string] {
  for (let dot = role.lastIndexOf('.'); dot > 0; dot = role.lastIndexOf('.', dot - 1)) {
    const clientId = role.slice(0, dot)
    if (realm.clients.has(clientId)) return [clientId, role.slice(dot + 1)]
  }
  return [undefined, role]
}
