/**
 * Values that a browser holds for us for a short time: the question before a sign-out, a cross-site POST that
 * goes on as a GET, the right to look at a result. The browser gets 128 random bits; the row has their hash.
 */
import { hash } from 'node:crypto'
import type { Instant } from '../../ambient/clock.ts'
import { type Random, randomId } from '../../ambient/random.ts'
import { compiledStatement } from '../../store/compiled-query.ts'
import type { Queryable, Tx } from '../../store/store.ts'

export type HandlePurpose = 'end_session_question' | 'end_session_continued' | 'sign_out_result'

export interface Handle<P> {
  readonly payload: P
  readonly expiresAt: Instant
  readonly usedAt: Instant | undefined
}

export interface NewHandle {
  readonly realmId: string
  readonly purpose: HandlePurpose
  readonly payload: object
  readonly lifetimeSeconds: number
}

const insert = compiledStatement(
  { id_hash: '', realm_id: '', purpose: '', payload: '', expires_at: 0 },
  (db, row) => db.insertInto('handle').values({ ...row, used_at: null }),
)

/** Returns the value for the browser; the row travels with the commit. */
export function insertHandle(
  { random }: { readonly random: Random },
  tx: Tx,
  handle: NewHandle,
  at: Instant,
): string {
  const value = randomId(random)
  const inserted = insert(tx, {
    id_hash: hashOf(handle.purpose, value),
    realm_id: handle.realmId,
    purpose: handle.purpose,
    payload: JSON.stringify(handle.payload),
    expires_at: at + handle.lifetimeSeconds * 1000,
  })
  tx.withCommit(inserted)
  return value
}

/** Used ones too, so that a second click finds what the first one did; expired ones do not exist any more. */
export async function findHandle<P>(
  on: Queryable,
  of: { readonly realmId: string; readonly purpose: HandlePurpose; readonly value: string },
  at: Instant,
): Promise<Handle<P> | undefined> {
  const row = await on.db
    .selectFrom('handle')
    .select(['payload', 'expires_at', 'used_at'])
    .where('id_hash', '=', hashOf(of.purpose, of.value))
    .where('realm_id', '=', of.realmId)
    .where('expires_at', '>', at)
    .executeTakeFirst()
  return (
    row && {
      payload: JSON.parse(row.payload) as P,
      expiresAt: row.expires_at,
      usedAt: row.used_at ?? undefined,
    }
  )
}

/** Marks it used and keeps what came of it. */
export async function useHandle(
  tx: Tx,
  of: { readonly purpose: HandlePurpose; readonly value: string; readonly payload: object },
  at: Instant,
): Promise<void> {
  await tx.db
    .updateTable('handle')
    .set({ used_at: at, payload: JSON.stringify(of.payload) })
    .where('id_hash', '=', hashOf(of.purpose, of.value))
    .execute()
}

function hashOf(purpose: HandlePurpose, value: string): string {
  return hash('sha256', `${purpose}\n${value}`, 'base64url')
}
