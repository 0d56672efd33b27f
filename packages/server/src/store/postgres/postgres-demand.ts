/**
 * A demand that PostgreSQL itself refuses, so that a transaction need not wait for the answer: the statement is
 * counted, and any other count than one is cast to a number that it is not. Needs no function in the schema.
 */
import type { CompiledQuery, Kysely } from 'kysely'
import { isReading, Unmet } from '../compiled-query.ts'
import type { Tables } from '../tables.ts'

const wrapped = new Map<string, string>()

export async function demandOne(db: Kysely<Tables>, statement: CompiledQuery, demand: string): Promise<void> {
  try {
    await db.executeQuery({ ...statement, sql: counted(statement, demand) })
  } catch (error) {
    throw isUnmet(error, demand) ? new Unmet(demand) : error
  }
}

function counted(statement: CompiledQuery, demand: string): string {
  const key = `${demand} ${statement.sql}`
  const known = wrapped.get(key)
  if (known) return known
  if (!/^[a-z_]+$/.test(demand)) throw new TypeError(`a demand is a word in snake case, not ${demand}`)
  const rows = isReading(statement) ? statement.sql : `${statement.sql} returning 1`
  const text = `with met as (${rows}) select (case count(*) when 1 then '1' else 'unmet ${demand}' end)::int from met`
  wrapped.set(key, text)
  return text
}

/** invalid_text_representation; the value stands in the message in every language. */
function isUnmet(error: unknown, demand: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === '22P02' &&
    error.message.includes(`"unmet ${demand}"`)
  )
}
