/**
 * A store with the shape of express-session's: sessions, and the marks that express-openid-connect leaves for
 * those that were signed out from elsewhere. For one process; an application with several shares a database.
 */
import { keptMap } from '@curfew-example/application/kept-map'
import type { ConfigParams } from 'express-openid-connect'

type SessionStore = NonNullable<NonNullable<ConfigParams['session']>['store']>
type Stored = Parameters<SessionStore['set']>[1]

export function createStore(now: () => number = Date.now): SessionStore {
  const kept = keptMap<{ readonly stored: Stored; readonly until: number }>('sessions')
  return {
    get(id, done) {
      const found = kept.get(id)
      const isCurrent = found !== undefined && found.until > now()
      if (!isCurrent) kept.delete(id)
      done(null, isCurrent ? structuredClone(found.stored) : null)
    },
    set(id, stored, done) {
      kept.set(id, { stored: structuredClone(stored), until: now() + stored.cookie.maxAge })
      done?.()
    },
    destroy(id, done) {
      kept.delete(id)
      done?.()
    },
  }
}
