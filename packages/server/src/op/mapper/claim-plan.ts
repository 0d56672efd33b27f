/** Which mappers run for a client and a scope, sorted and configured once, kept with the realm in memory. */
import type { Realm } from '../../realm/realm.ts'
import type { Client, ProtocolMapper } from '../../rp/client.ts'
import { type RoleName, rolesForScope } from './granted-roles.ts'
import { grantedScopes } from './granted-scope.ts'
import { knownMappers } from './known-mapper.ts'
import type { MapClaims, MapperKind } from './mapper-kind.ts'

/** Where claims go. */
export type ClaimTarget = 'id' | 'access' | 'userinfo' | 'introspection'

export interface ClaimPlan {
  readonly scopeNames: readonly string[]
  readonly steps: Readonly<Record<ClaimTarget, readonly ClaimStep[]>>
  readonly reads: Readonly<Record<ClaimTarget, ClaimReads>>
  /** True if introspection has something to say that the access token does not say itself. */
  readonly hasIntrospectionOnly: boolean
}

export interface ClaimStep {
  readonly priority: number
  /** Only for accounts that have one of these roles; none = for all. From the mappings of its client scope. */
  readonly roles: readonly RoleName[]
  readonly run: MapClaims
}

/** Which memberships of the account are read, so that a caller can leave out the queries for the others. */
export interface ClaimReads {
  readonly roles: boolean
  readonly groups: boolean
}

const targets: readonly ClaimTarget[] = ['id', 'access', 'userinfo', 'introspection']

/** Plans of one realm. A client asks for few different scopes; a stranger's inventions are cut off by the maximum. */
const planCountMax = 1000
const plans = new WeakMap<Realm, Map<string, ClaimPlan>>()

export function claimPlan(realm: Realm, client: Client, requested: readonly string[]): ClaimPlan {
  let ofRealm = plans.get(realm)
  if (!ofRealm) {
    ofRealm = new Map()
    plans.set(realm, ofRealm)
  }
  const key = `${client.uuid} ${requested.join(' ')}`
  const kept = ofRealm.get(key)
  if (kept) return kept
  const plan = makePlan(realm, client, requested)
  if (ofRealm.size >= planCountMax) ofRealm.delete(ofRealm.keys().next().value as string)
  ofRealm.set(key, plan)
  return plan
}

function makePlan(realm: Realm, client: Client, requested: readonly string[]): ClaimPlan {
  const scopes = grantedScopes(realm, client, requested)
  const steps: Record<ClaimTarget, ClaimStep[]> = { id: [], access: [], userinfo: [], introspection: [] }
  const none = { roles: false, groups: false }
  const reads: Record<ClaimTarget, ClaimReads> = {
    id: none,
    access: none,
    userinfo: none,
    introspection: none,
  }
  let hasIntrospectionOnly = false

  const add = (mapper: ProtocolMapper, roles: readonly RoleName[]): void => {
    const kind = knownMappers.get(mapper.protocolMapper)
    if (!kind) return
    const step = { priority: kind.priority, roles, run: kind.configure(mapper.config) }
    const into = targetsOf(kind, mapper)
    hasIntrospectionOnly ||= into.includes('introspection') && !into.includes('access')
    for (const target of into) {
      steps[target].push(step)
      reads[target] = joinReads(realm, reads[target], kind, step)
    }
  }
  for (const mapper of client.protocolMappers) add(mapper, [])
  for (const scope of scopes) {
    const roles = rolesForScope(realm, scope.name)
    for (const mapper of scope.protocolMappers) add(mapper, roles)
  }
  for (const target of targets) steps[target].sort((a, b) => a.priority - b.priority)
  return { scopeNames: scopes.map((scope) => scope.name), steps, reads, hasIntrospectionOnly }
}

/** The flags of a mapper, with what their absence means in exports of older Keycloaks. */
function targetsOf(kind: MapperKind, { config }: ProtocolMapper): readonly ClaimTarget[] {
  if (kind.isForEveryTarget) return targets
  const flag = (name: string, absent: boolean): boolean => (config[name] ?? String(absent)) === 'true'
  const isInId = flag('id.token.claim', false)
  const isInAccess = flag('access.token.claim', kind.isAlwaysInAccessToken === true)
  const isIn: Record<ClaimTarget, boolean> = {
    id: isInId,
    access: isInAccess,
    userinfo: !kind.isNeverInUserinfo && flag('userinfo.token.claim', isInId),
    introspection: flag('introspection.token.claim', isInAccess),
  }
  return targets.filter((target) => isIn[target])
}

function joinReads(realm: Realm, before: ClaimReads, kind: MapperKind, step: ClaimStep): ClaimReads {
  const readsRoles = kind.reads === 'roles' || step.roles.length > 0
  const readsGroups =
    readsRoles || kind.reads === 'groups' || (kind.reads === 'group-attributes' && hasGroupAttributes(realm))
  return { roles: before.roles || readsRoles, groups: before.groups || readsGroups }
}

function hasGroupAttributes(realm: Realm): boolean {
  return [...realm.groups.values()].some((group) => Object.keys(group.attributes).length > 0)
}
