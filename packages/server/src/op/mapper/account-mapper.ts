/** Mappers that read the account and the session: attributes, properties, names, address, groups, notes. */
import type { Account } from '../../account/account.ts'
import { acrName } from './acr-name.ts'
import { putClaim, splitClaimPath } from './claim-path.ts'
import { claimValue } from './claim-value.ts'
import type { Making, MapperKind } from './mapper-kind.ts'

const profile = { priority: 0, reads: 'profile' } as const

export const attributeMapper: MapperKind = {
  priority: 0,
  // a value that the account lacks is inherited from its groups
  reads: 'group-attributes',
  configure(config) {
    const name = config['user.attribute'] ?? ''
    const path = splitClaimPath(config['claim.name'] ?? '')
    const isAggregated = config['aggregate.attrs'] === 'true'
    return (making) => {
      putClaim(making.claims, path, claimValue(config, attributeValues(making, name, isAggregated)))
    }
  },
}

/** Keycloak's `emailVerified`, `username`, …: members of the account rather than attributes. */
export const propertyMapper: MapperKind = {
  ...profile,
  configure(config) {
    const name = config['user.attribute'] ?? ''
    const path = splitClaimPath(config['claim.name'] ?? '')
    return ({ account, claims }) => putClaim(claims, path, claimValue(config, property(account, name)))
  },
}

export const fullNameMapper: MapperKind = {
  ...profile,
  configure: () => (making) => {
    const { firstName, lastName } = making.account
    const name = [firstName, lastName].filter(Boolean).join(' ')
    if (name) making.claims['name'] = name
  },
}

/** OpenID Connect Core §5.1.1. */
const addressMembers = {
  street_address: 'street',
  locality: 'locality',
  region: 'region',
  postal_code: 'postal_code',
  country: 'country',
  formatted: 'formatted',
} as const

export const addressMapper: MapperKind = {
  ...profile,
  configure: (config) => (making) => {
    const address: Record<string, string> = {}
    for (const [member, standard] of Object.entries(addressMembers)) {
      const attribute = config[`user.attribute.${standard}`] || standard
      const value = making.account.attributes[attribute]?.[0]
      if (value) address[member] = value
    }
    if (Object.keys(address).length > 0) making.claims['address'] = address
  },
}

export const groupMembershipMapper: MapperKind = {
  priority: 0,
  reads: 'groups',
  configure(config) {
    const path = splitClaimPath(config['claim.name'] ?? '')
    const isWithPath = config['full.path'] === 'true'
    return ({ realm, account, claims }) => {
      const groups = account.groupIds.map((id) => realm.groups.get(id)).filter((group) => group !== undefined)
      putClaim(claims, path, groups.map((group) => (isWithPath ? group.path : group.name)).sort())
    }
  },
}

export const sessionNoteMapper: MapperKind = {
  ...profile,
  configure(config) {
    const note = config['user.session.note'] ?? ''
    const path = splitClaimPath(config['claim.name'] ?? '')
    return ({ notes, claims }) => {
      putClaim(claims, path, claimValue(config, Object.hasOwn(notes, note) ? notes[note] : undefined))
    }
  },
}

/** `1` is Keycloak's level of an ordinary sign-in, under the name that realm or client have for it. */
export const acrMapper: MapperKind = {
  ...profile,
  isNeverInUserinfo: true,
  configure: () => (making) => {
    making.claims['acr'] = acrName(making.realm, making.client, making.notes['acr'] ?? '1')
  },
}

export const hardcodedClaimMapper: MapperKind = {
  ...profile,
  configure(config) {
    const path = splitClaimPath(config['claim.name'] ?? '')
    return ({ claims }) => putClaim(claims, path, claimValue(config, config['claim.value']))
  },
}

/** Names under which Keycloak stores members of the user among the attributes. */
function attributeValues(making: Making, name: string, isAggregated: boolean): readonly string[] {
  const { realm, account } = making
  const direct = memberAttribute(account, name) ?? own(account.attributes, name)
  if (direct.length > 0 && !isAggregated) return direct
  const inherited: string[] = []
  for (const groupId of account.groupIds) {
    const path = new Set<string>()
    let group = realm.groups.get(groupId)
    while (group && !path.has(group.id)) {
      path.add(group.id)
      const values = own(group.attributes, name)
      if (values.length > 0 && !isAggregated) return values
      inherited.push(...values)
      group = group.parentId === undefined ? undefined : realm.groups.get(group.parentId)
    }
  }
  return [...new Set([...direct, ...inherited])]
}

function own(attributes: Account['attributes'], name: string): readonly string[] {
  return Object.hasOwn(attributes, name) ? (attributes[name] ?? []) : []
}

function memberAttribute(account: Account, name: string): readonly string[] | undefined {
  if (name !== 'username' && name !== 'email' && name !== 'firstName' && name !== 'lastName') return undefined
  const value = account[name]
  return value ? [value] : []
}

function property(account: Account, name: string): string | undefined {
  switch (name) {
    case 'id':
    case 'username':
    case 'email':
    case 'firstName':
    case 'lastName':
      return account[name] || undefined
    case 'emailVerified':
    case 'enabled':
      return String(account[name])
    case 'createdTimestamp':
      return String(account.createdAt)
    case 'serviceAccountClientLink':
      return account.serviceAccountClientUuid
    default:
      return undefined
  }
}
