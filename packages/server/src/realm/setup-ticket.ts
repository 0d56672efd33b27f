/**
 * The ticket of the first administrator: 130 bits in letters that nobody confuses, valid once and for 30 minutes,
 * stored hashed. A new one replaces the one before.
 */
import { createHash } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import type { Random } from '../ambient/random.ts'
import type { Queryable, Tx } from '../store/store.ts'

export const setupTicketMs = 30 * 60_000
const purpose = 'setup'
/** Crockford's base 32: no I, L, O or U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const groupCount = 6
const groupLength = 5

export async function issueSetupTicket(tx: Tx, random: Random, at: Instant): Promise<string> {
  const letters = [...random.bytes(groupCount * groupLength)].map((byte) => alphabet[byte % alphabet.length])
  const groups = Array.from({ length: groupCount }, (_, index) =>
    letters.slice(index * groupLength, (index + 1) * groupLength).join(''),
  )
  const ticket = groups.join('-')
  await tx.db.deleteFrom('handle').where('purpose', '=', purpose).execute()
  await tx.db
    .insertInto('handle')
    .values({
      id_hash: hash(ticket),
      realm_id: null,
      purpose,
      payload: '{}',
      expires_at: at + setupTicketMs,
      used_at: null,
    })
    .execute()
  return ticket
}

/** True while the ticket may be used; changes nothing, for the page that shows the form. */
export async function isSetupTicketValid(on: Queryable, ticket: string, at: Instant): Promise<boolean> {
  const row = await on.db
    .selectFrom('handle')
    .select('id_hash')
    .where('id_hash', '=', hash(ticket))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', at)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/** @returns false when the ticket is unknown, too old, or was used by somebody at the same moment */
export async function useSetupTicket(tx: Tx, ticket: string, at: Instant): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('handle')
    .set({ used_at: at })
    .where('id_hash', '=', hash(ticket))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', at)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** After a use in the same transaction that led to nothing, so that the person can answer again. */
export async function giveSetupTicketBack(tx: Tx, ticket: string): Promise<void> {
  await tx.db
    .updateTable('handle')
    .set({ used_at: null })
    .where('id_hash', '=', hash(ticket))
    .where('purpose', '=', purpose)
    .execute()
}

/** What people type: lower case, with or without the hyphens. */
function hash(ticket: string): string {
  const canonical = ticket.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
  return createHash('sha256').update(`setup/${canonical}`).digest('base64url')
}
