/** The people of a realm: searching them, their sessions, and signing one out (KQ-02, KQ-10). */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Account } from '../account/account.ts'
import { findAccountById } from '../account/find-account.ts'
import { countAccounts, searchAccounts } from '../account/search-accounts.ts'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import { signOut } from '../sign-out/sign-out.ts'
import type { Queryable } from '../store/store.ts'
import { done, linkSignOut, refuse } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, actorOf, authOf, callOf } from './admin-call.ts'
import { isAllowed, manageUsers, rolesOver, viewUsers } from './admin-role.ts'
import { attributeQuery } from './attribute-query.ts'
import { pageMax, pageOf, pageParameters, pathWithId } from './list-page.ts'
import { readUserSessions } from './read-user-sessions.ts'
import { briefUserWire, type UserAccess, userWire } from './user-wire.ts'

const text = Type.Optional(Type.String({ maxLength: 255 }))
const flag = Type.Optional(Type.Boolean())
const searchMembers = {
  search: text,
  username: text,
  email: text,
  firstName: text,
  lastName: text,
  exact: flag,
  enabled: flag,
  emailVerified: flag,
  q: Type.Optional(
    Type.String({ maxLength: 2000, description: 'Attributes: name:value, parted by spaces.' }),
  ),
}
const listQuery = Type.Object({ ...searchMembers, briefRepresentation: flag, ...pageParameters })
const countQuery = Type.Object(searchMembers)

export function userRoutes(app: AdminApp, deps: AdminDeps): void {
  const { store, ambient } = deps
  const reading = { config: { needs: viewUsers }, schema: { params: pathWithId } }

  app.get('/users', { config: { needs: viewUsers }, schema: { querystring: listQuery } }, async (request) => {
    const call = callOf(request)
    const { query } = request
    const search = { ...query, attributes: attributeQuery(query.q) }
    const accounts = await searchAccounts(store.read, call.realm.id, search, pageOf(query))
    const access = accessOf(call)
    const wire = query.briefRepresentation ? briefUserWire : userWire
    return accounts.map((account) => wire(account, access))
  })

  app.get(
    '/users/count',
    { config: { needs: viewUsers }, schema: { querystring: countQuery } },
    (request) => {
      const search = { ...request.query, attributes: attributeQuery(request.query.q) }
      return countAccounts(store.read, callOf(request).realm.id, search)
    },
  )

  app.get('/users/:id', reading, async (request, reply) => {
    const call = callOf(request)
    const account = await findUser(store.read, call, request.params.id)
    return account ? userWire(account, accessOf(call)) : unknownUser(reply)
  })

  app.get('/users/:id/sessions', reading, async (request, reply) => {
    const call = callOf(request)
    const account = await findUser(store.read, call, request.params.id)
    if (!account) return unknownUser(reply)
    const page = { first: 0, max: pageMax }
    return readUserSessions(store.read, call.realm, { accountId: account.id }, page, ambient.clock.now())
  })

  app.post(
    '/users/:id/logout',
    { config: { needs: manageUsers }, schema: { params: pathWithId } },
    async (request, reply) => {
      const call = callOf(request)
      const account = await findUser(store.read, call, request.params.id)
      return account ? signOutUser(deps, call, account, reply) : unknownUser(reply)
    },
  )
}

/** KQ-02: everything ends, offline grants too, and every token issued until now is refused. */
async function signOutUser(
  deps: AdminDeps,
  call: AdminCall,
  { id }: Account,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { realm } = call
  const event = {
    realm,
    operationType: 'ACTION',
    resourceType: 'USER',
    resourcePath: `users/${id}/logout`,
    auth: authOf(call),
  } as const
  const result = await signOut(
    deps,
    {
      realmId: realm.id,
      scope: { kind: 'account', accountId: id },
      kind: 'security',
      cause: 'administrator',
      initiator: 'admin',
      actor: actorOf(call),
    },
    { after: (tx, _result, at) => recordAdminEvent(deps, tx, event, at) },
  )
  if (!result.ok) return unknownUser(reply)
  linkSignOut(reply, realm, result.signOutId)
  return done(reply)
}

/** A person of the call's realm; tombstones of deleted ones are none. */
export async function findUser(
  on: Queryable,
  { realm }: AdminCall,
  id: string,
): Promise<Account | undefined> {
  const account = await findAccountById(on, realm.id, id)
  return account?.isDeleted ? undefined : account
}

export function unknownUser(reply: FastifyReply): FastifyReply {
  return refuse(reply, 404, 'User not found')
}

function accessOf({ caller, realm }: AdminCall): UserAccess {
  return { mayManage: isAllowed(rolesOver(caller, realm), manageUsers) }
}
