/** A store whose transactions leave some statements out, or hand back something else, without the product's knowing. */
import type { CompiledQuery, QueryResult } from 'kysely'
import type { Store, Tx } from '../../../src/store/store.ts'

/** What to do instead of running a statement; undefined runs it. */
export type Instead = (query: CompiledQuery) => QueryResult<unknown> | undefined

/** The transaction with `instead` in front of its statements that are given as text (the bulk ones). */
export function withStatements(tx: Tx, instead: Instead): Tx {
  const db = new Proxy(tx.db, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown
      if (name === 'executeQuery') {
        return (query: CompiledQuery) => {
          const answer = instead(query)
          return answer ? Promise.resolve(answer) : target.executeQuery(query)
        }
      }
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { ...tx, db }
}

export function withTransact(store: Store, transact: Store['transact']): Store {
  return { ...store, transact }
}
