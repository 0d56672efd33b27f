import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type CrashServer, startCrashServer } from '../crash/crash-server.ts'
import { forEachDatabase, type TestDatabase } from '../support/database.ts'
import { recordFigure } from '../support/figure.ts'
import { freePort } from '../support/postgres.ts'
import { realmExport } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { relyingParty } from '../support/relying-party.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** A lease lasts 30 s, and the others look once a second. */
const takeoverLimitMs = 35_000

forEachDatabase('two processes on one database', (database) => {
  if (database.dialect === 'sqlite') return
  describe('of which one is lost', { concurrency: 2 }, () => {
    test('R8, R9, D4: what a process held when it was killed is told by the other within 35 s', async () => {
      await using pair = await startPairWithLease(database)
      const { first, receiver, query } = pair
      const startedAt = performance.now()
      await first.kill()
      await receiver.until(2, { timeoutMs: takeoverLimitMs })
      const takeoverMs = performance.now() - startedAt
      assert.ok(takeoverMs < takeoverLimitMs)
      recordFigure({
        title: 'from kill -9 of one of two processes until what it had leased is told by the other',
        dialect: database.dialect,
        value: takeoverMs / 1000,
        unit: 's',
        bar: { atMost: takeoverLimitMs / 1000 },
      })
      await pair.untilState('accepted')
      const attempts = await query('select outcome from attempt order by number')
      // what the dead process began stays as it is: started, unknown
      assert.deepEqual(attempts, [{ outcome: null }, { outcome: 'accepted' }])
    })

    test('R10, I7, C-04: a process that was frozen beyond its lease wakes up and changes nothing', async () => {
      await using pair = await startPairWithLease(database)
      const { first, receiver, query } = pair
      first.freeze()
      await receiver.until(2, { timeoutMs: takeoverLimitMs })
      await pair.untilState('accepted')
      const before = await query('select * from delivery')
      first.thaw()
      await wait(3000)
      assert.deepEqual(await query('select * from delivery'), before)
      assert.equal(receiver.received.length, 2)
      const metrics = await (await fetch(`${pair.url}/metrics`)).text()
      assert.match(metrics, /^curfew_delivery_fence_rejections_total\S* 1$/m)
    })
  })
})

interface Pair extends AsyncDisposable {
  readonly first: CrashServer & { freeze(): void; thaw(): void }
  readonly receiver: Receiver
  readonly url: string
  query(text: string): Promise<readonly Record<string, unknown>[]>
  untilState(state: string): Promise<void>
}

/** The first process has claimed a delivery and waits for an answer that never comes; the second has just started. */
async function startPairWithLease(database: TestDatabase): Promise<Pair> {
  const receiver = await startReceiver()
  const { dataDir, databaseUrl = '' } = await database.create()
  const realm = join(dataDir, 'realm.json')
  const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }]
  writeFileSync(realm, realmExport({ clients }))
  const ports = [await freePort(), await freePort()] as const
  const url = `http://localhost:${ports[0]}`
  const common = [
    '--data',
    dataDir,
    '--database-url',
    databaseUrl,
    '--url',
    url,
    '--outbound-allow',
    '127.0.0.1:*',
  ]
  const first = await startCrashServer([...common, '--port', String(ports[0]), '--import-realm', realm])
  const wiki = relyingParty({ issuer: `${url}/realms/test`, clientId: 'wiki' })
  receiver.behave('wiki', 'hang')
  await using agent = createUserAgent()
  const { refresh_token } = await wiki.signIn(agent)
  assert.equal((await wiki.post('logout', { refresh_token })).status, 204)
  await receiver.until(1)
  receiver.behave('wiki', 200)
  const second = await startCrashServer([...common, '--port', String(ports[1])])
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const query = async (text: string): Promise<readonly Record<string, unknown>[]> =>
    (await client.query<Record<string, unknown>>(text)).rows
  return {
    first: Object.assign(first, {
      freeze: () => process.kill(first.pid, 'SIGSTOP'),
      thaw: () => process.kill(first.pid, 'SIGCONT'),
    }),
    receiver,
    url,
    query,
    async untilState(state) {
      for (let turn = 0; turn < 100; turn++) {
        const [row] = await query('select state from delivery')
        if (row?.['state'] === state) return
        await wait(50)
      }
      assert.fail(`the delivery did not become ${state}`)
    },
    async [Symbol.asyncDispose]() {
      await client.end()
      await Promise.all([first.kill(), second.kill()])
      await receiver.close()
    },
  }
}
