/**
 * What Keycloak has no call for: the sign-outs of a realm, and of each the truth about every application
 * (KQ-20, experience.md §5.8). Errors are problem documents; lists have cursors.
 */
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { readSignOut } from '../delivery/read-sign-out.ts'
import { problem } from './admin-answer.ts'
import { type AdminApp, type AdminDeps, callOf } from './admin-call.ts'
import { viewSignOuts } from './admin-role.ts'
import { dateRange } from './event-date.ts'
import { findSignOut } from './find-sign-out.ts'
import { pathWithId } from './list-page.ts'
import { countDeliveries, listSignOuts } from './list-sign-outs.ts'
import { cursorFrom, cursorText } from './sign-out-cursor.ts'
import { applicationWire, signOutWire } from './sign-out-wire.ts'

const text = Type.Optional(Type.String({ maxLength: 255 }))
const listQuery = Type.Object({
  user: text,
  session: text,
  client: text,
  cause: text,
  initiator: text,
  parent: text,
  dateFrom: text,
  dateTo: text,
  cursor: text,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Default 50.' })),
})

export function signOutRoutes(app: AdminApp, { store }: AdminDeps): void {
  const config = { needs: viewSignOuts }

  app.get('/sign-outs', { config, schema: { querystring: listQuery } }, async (request, reply) => {
    const { realm } = callOf(request)
    const { query } = request
    const after = query.cursor === undefined ? undefined : cursorFrom(query.cursor)
    if (query.cursor !== undefined && !after) {
      return problem(reply, 400, 'cursor_invalid', 'The cursor is not one of this list. Start without it.')
    }
    const range = dateRange(query)
    if (!range) return unreadableDate(reply)
    const filter = {
      accountId: query.user,
      sessionUid: query.session,
      clientId: query.client,
      cause: query.cause,
      initiator: query.initiator,
      parentId: query.parent,
      ...range,
    }
    const limit = query.limit ?? 50
    const rows = await listSignOuts(store.read, realm.id, filter, { after, rowCountMax: limit + 1 })
    const shown = rows.slice(0, limit)
    const counts = await countDeliveries(
      store.read,
      shown.map((row) => row.id),
    )
    const last = shown.at(-1)
    return {
      signOuts: shown.map((row) => signOutWire(row, counts.get(row.id))),
      next: rows.length > limit && last ? cursorText({ committedAt: last.committedAt, id: last.id }) : null,
    }
  })

  app.get('/sign-outs/:id', { config, schema: { params: pathWithId } }, async (request, reply) => {
    const { realm } = callOf(request)
    const found = await findSignOut(store.read, realm.id, request.params.id)
    if (!found.ok) return unknownSignOut(reply, found.reason)
    const signOut = await readSignOut(store.read, found.id)
    if (!signOut) return unknownSignOut(reply, 'sign_out_unknown')
    const counts = await countDeliveries(store.read, [found.id])
    return {
      ...signOutWire(signOut, counts.get(found.id)),
      applications: signOut.applications.map((application) => applicationWire(realm, application)),
      isTruncated: signOut.isTruncated,
    }
  })
}

export function unreadableDate(reply: FastifyReply): FastifyReply {
  const detail =
    'A date cannot be read. dateFrom and dateTo are days (yyyy-MM-dd) or milliseconds since 1970.'
  return problem(reply, 400, 'date_invalid', detail)
}

export function unknownSignOut(
  reply: FastifyReply,
  reason: 'sign_out_unknown' | 'sign_out_ambiguous',
): FastifyReply {
  switch (reason) {
    case 'sign_out_unknown':
      return problem(reply, 404, reason, 'This realm has no sign-out with this id.')
    case 'sign_out_ambiguous':
      return problem(reply, 409, reason, 'Several sign-outs begin so. Give more characters of the id.')
  }
}
