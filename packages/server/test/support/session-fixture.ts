/** Sessions and client sessions for tests, written through the same functions as in production. */
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import { insertSession } from '../../src/session/insert-session.ts'
import { insertRows } from '../../src/store/bulk-rows.ts'
import type { Store } from '../../src/store/store.ts'

export interface SessionFixture {
  readonly uid: string
  readonly realmId?: string
  readonly accountId?: string
  readonly clientIds?: readonly string[]
  readonly startedAt?: number
  readonly idleUntil?: number
  readonly endsAt?: number
}

export async function givenSession(store: Store, fixture: SessionFixture): Promise<void> {
  const { uid, realmId = 'r1', accountId = 'alice', clientIds = [], startedAt = 1000 } = fixture
  const idleUntil = fixture.idleUntil ?? Number.MAX_SAFE_INTEGER
  const endsAt = fixture.endsAt ?? Number.MAX_SAFE_INTEGER
  await store.transact(async (tx) => {
    const times = { createdAt: startedAt, lastActiveAt: startedAt, idleUntil, endsAt }
    const browser = { rememberMe: false, ipAddress: '127.0.0.1', userAgent: 'test' }
    await insertSession(tx, {
      uid,
      realmId,
      accountId,
      cookieValue: `cookie-of-${uid}`,
      payload: '{}',
      ...times,
      ...browser,
    })
    for (const clientId of clientIds) {
      await insertClientSession(tx, {
        sessionUid: uid,
        clientId,
        realmId,
        sid: sidOf(uid, clientId),
        protocol: 'openid-connect',
        grantId: `grant-${uid}-${clientId}`,
        sub: accountId,
        issuer: 'http://localhost/realms/test',
        nameId: undefined,
        sessionIndex: undefined,
        startedAt,
        lastActiveAt: startedAt,
        answeredAt: startedAt,
        expiresAt: startedAt + 36_000_000,
      })
    }
  })
}

/** A session with one application, and copies of its row for the others: one by one they would take seconds. */
export async function givenWideSession(
  store: Store,
  fixture: SessionFixture,
  [first = '', ...others]: readonly string[],
): Promise<void> {
  await givenSession(store, { ...fixture, clientIds: [first] })
  await store.transact(async (tx) => {
    const row = await tx.db
      .selectFrom('client_session')
      .selectAll()
      .where('session_uid', '=', fixture.uid)
      .executeTakeFirstOrThrow()
    const rows = others.map((clientId) => ({
      ...row,
      client_id: clientId,
      sid: sidOf(fixture.uid, clientId),
    }))
    await insertRows(tx, 'client_session', rows)
  })
}

export function sidOf(sessionUid: string, clientId: string): string {
  return `sid-${sessionUid}-${clientId}`
}
