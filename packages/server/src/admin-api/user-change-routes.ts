/**
 * Changing people (KQ-13, KQ-14). Disabling, deleting and a new password end every session of the account in the
 * transaction of the change, and every application is told.
 */
import type { FastifyReply } from 'fastify'
import type { Account } from '../account/account.ts'
import { deleteAccount, updateAccount } from '../account/change-account.ts'
import { replacePassword } from '../account/credential.ts'
import type { StoredPassword } from '../account/password.ts'
import { type AdminEvent, recordAdminEvent } from '../event/record-admin-event.ts'
import { type Alongside, signOut } from '../sign-out/sign-out.ts'
import type { SignOutCause } from '../sign-out/sign-out-command.ts'
import { created, done, linkSignOut, refuse, unavailable } from './admin-answer.ts'
import { type AdminApp, type AdminCall, type AdminDeps, actorOf, authOf, callOf } from './admin-call.ts'
import { manageUsers } from './admin-role.ts'
import { createUser, nameTaken } from './create-user.ts'
import { pathWithId } from './list-page.ts'
import { changeFromBody, credentialBody, type UserBody, userBody } from './user-body.ts'
import { findUser, unknownUser } from './user-routes.ts'

export function userChangeRoutes(app: AdminApp, deps: AdminDeps): void {
  const { store } = deps
  const config = { needs: manageUsers }

  app.post('/users', { config, schema: { body: userBody } }, async (request, reply) => {
    const call = callOf(request)
    const result = await createUser(deps, call, request.body as UserBody)
    if (result.ok) return created(reply, call.realm, `users/${result.id}`)
    switch (result.reason) {
      case 'username_missing':
        return refuse(reply, 400, 'User name is missing')
      case 'username_taken':
        return refuse(reply, 409, 'User exists with same username')
      case 'email_taken':
        return refuse(reply, 409, 'User exists with same email')
      case 'busy':
        return unavailable(reply)
    }
  })

  app.put(
    '/users/:id',
    { config, schema: { params: pathWithId, body: userBody } },
    async (request, reply) => {
      const call = callOf(request)
      const account = await findUser(store.read, call, request.params.id)
      return account ? updateUser(deps, call, account, request.body as UserBody, reply) : unknownUser(reply)
    },
  )

  app.delete('/users/:id', { config, schema: { params: pathWithId } }, async (request, reply) => {
    const call = callOf(request)
    const account = await findUser(store.read, call, request.params.id)
    if (!account) return unknownUser(reply)
    const event = userEvent(call, 'DELETE', `users/${account.id}`)
    return endWith(deps, call, account, 'account_deleted', reply, {
      before: async (tx, at) => {
        await deleteAccount(tx, call.realm.id, account.id, at)
        await recordAdminEvent(deps, tx, event, at)
      },
    })
  })

  app.put(
    '/users/:id/reset-password',
    { config, schema: { params: pathWithId, body: credentialBody } },
    async (request, reply) => {
      const call = callOf(request)
      const account = await findUser(store.read, call, request.params.id)
      if (!account) return unknownUser(reply)
      if (!request.body.value) return refuse(reply, 400, 'No password provided')
      const stored = await deps.passwords.hash(request.body.value)
      if (stored === 'busy') return unavailable(reply)
      return resetPassword(
        deps,
        call,
        account,
        { stored, isTemporary: request.body.temporary === true },
        reply,
      )
    },
  )
}

/** SR-06: a new password is a security action, also when it is the same one again. */
function resetPassword(
  deps: AdminDeps,
  call: AdminCall,
  account: Account,
  { stored, isTemporary }: { stored: StoredPassword; isTemporary: boolean },
  reply: FastifyReply,
): Promise<FastifyReply> {
  const event = userEvent(call, 'ACTION', `users/${account.id}/reset-password`)
  return endWith(deps, call, account, 'password_reset', reply, {
    before: async (tx, at) => {
      const representation = withRequiredAction(account, 'UPDATE_PASSWORD', isTemporary)
      await updateAccount(tx, call.realm.id, account.id, { representation })
      await replacePassword(deps.ambient, tx, account.id, stored, at)
      await recordAdminEvent(deps, tx, event, at)
    },
  })
}

function withRequiredAction({ representation }: Account, action: string, isNeeded: boolean) {
  const actions = Array.isArray(representation['requiredActions']) ? representation['requiredActions'] : []
  const others = actions.filter((one) => one !== action)
  return { ...representation, requiredActions: isNeeded ? [...others, action] : others }
}

/** Disabling is a security action; every other update leaves the sessions alone. */
async function updateUser(
  deps: AdminDeps,
  call: AdminCall,
  account: Account,
  body: UserBody,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { realm } = call
  const taken = await nameTaken(deps.store.read, realm, body, account.id)
  if (taken) return refuse(reply, 409, `User exists with same ${taken}`)
  const { credentials: _, ...shown } = body
  const change: Alongside = {
    before: async (tx, at) => {
      await updateAccount(tx, realm.id, account.id, changeFromBody(body, account.representation))
      const event = userEvent(call, 'UPDATE', `users/${account.id}`)
      await recordAdminEvent(deps, tx, { ...event, representation: shown }, at)
    },
  }
  if (body.enabled === false && account.enabled) {
    return endWith(deps, call, account, 'account_disabled', reply, change)
  }
  const at = deps.ambient.clock.now()
  await deps.store.transact(async (tx) => change.before?.(tx, at))
  return done(reply)
}

/** The change and the end of every session, in one transaction; the change first, because a sign-in locks its row. */
async function endWith(
  deps: AdminDeps,
  call: AdminCall,
  account: Account,
  cause: SignOutCause,
  reply: FastifyReply,
  change: Alongside,
): Promise<FastifyReply> {
  const result = await signOut(
    deps,
    {
      realmId: call.realm.id,
      scope: { kind: 'account', accountId: account.id },
      kind: 'security',
      cause,
      initiator: 'admin',
      actor: actorOf(call),
    },
    change,
  )
  if (!result.ok) return unknownUser(reply)
  linkSignOut(reply, call.realm, result.signOutId)
  return done(reply)
}

function userEvent(
  call: AdminCall,
  operationType: AdminEvent['operationType'],
  resourcePath: string,
): AdminEvent {
  return { realm: call.realm, operationType, resourceType: 'USER', resourcePath, auth: authOf(call) }
}
