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
/** Far less than a lease, and time to start on a busy machine. */
const restartLimitMs = 10_000

forEachDatabase('two processes on one database', (database) => {
  if (database.dialect === 'sqlite') return
  describe('of which one is lost', { concurrency: 3 }, () => {
    test('R8, R9, D4: what a process held when it was killed is told by the other within 35 s', async () => {
      await using pair = await startWithLease(database)
      const { first, receiver, query } = pair
      const startedAt = performance.now()
      await first.kill()
      await pair.startAnother()
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

    test('R8: a process that starts again where another was killed tells at once what that one held', async () => {
      await using pair = await startWithLease(database)
      const { first, receiver } = pair
      await first.kill()
      const startedAt = performance.now()
      await pair.startAgain()
      await receiver.until(2, { timeoutMs: restartLimitMs })
      recordFigure({
        title: 'from the start of a process where another was killed until what that one had leased is told',
        dialect: database.dialect,
        value: (performance.now() - startedAt) / 1000,
        unit: 's',
      })
      await pair.untilState('accepted')
    })

    test('R10, I7, C-04: a process that was frozen beyond its lease wakes up and changes nothing', async () => {
      await using pair = await startWithLease(database)
      const { first, receiver, query } = pair
      first.freeze()
      await pair.startAnother()
      await receiver.until(2, { timeoutMs: takeoverLimitMs })
      await pair.untilState('accepted')
      const before = await query('select * from delivery')
      first.thaw()
      await pair.untilMetric(/^curfew_delivery_fence_rejections_total\S* 1$/m)
      assert.deepEqual(await query('select * from delivery'), before)
      assert.equal(receiver.received.length, 2)
    })
  })
})

interface Pair extends AsyncDisposable {
  readonly first: CrashServer & { freeze(): void; thaw(): void }
  readonly receiver: Receiver
  /** A second process, as on another machine: it shares the database and the secret alone. */
  startAnother(): Promise<void>
  /** The process that was killed, once more. */
  startAgain(): Promise<void>
  query(text: string): Promise<readonly Record<string, unknown>[]>
  untilState(state: string): Promise<void>
  untilMetric(pattern: RegExp): Promise<void>
}

/** The first process has claimed a delivery and waits for an answer that never comes. */
async function startWithLease(database: TestDatabase): Promise<Pair> {
  const receiver = await startReceiver()
  const { dataDir, databaseUrl = '' } = await database.create()
  const realm = join(dataDir, 'realm.json')
  const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }]
  writeFileSync(realm, realmExport({ clients }))
  const port = await freePort()
  const url = `http://localhost:${port}`
  const common = ['--database-url', databaseUrl, '--url', url, '--outbound-allow', '127.0.0.1:*']
  const own = [...common, '--data', dataDir, '--port', String(port)]
  const first = await startCrashServer([...own, '--import-realm', realm])
  const wiki = relyingParty({ issuer: `${url}/realms/test`, clientId: 'wiki' })
  receiver.behave('wiki', 'hang')
  await using agent = createUserAgent()
  const { refresh_token } = await wiki.signIn(agent)
  assert.equal((await wiki.post('logout', { refresh_token })).status, 204)
  await receiver.until(1)
  receiver.behave('wiki', 200)
  const others: CrashServer[] = []
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
    async startAnother() {
      const secret = ['--secret-file', join(dataDir, 'secret')]
      const elsewhere = ['--data', join(dataDir, 'another'), '--port', String(await freePort())]
      others.push(await startCrashServer([...common, ...secret, ...elsewhere]))
    },
    async startAgain() {
      others.push(await startCrashServer(own))
    },
    query,
    untilState: (state) =>
      until(`state ${state}`, async () => {
        const [row] = await query('select state from delivery')
        return row?.['state'] === state
      }),
    untilMetric: (pattern) =>
      until(String(pattern), async () => {
        return pattern.test(await (await fetch(`${url}/metrics`)).text())
      }),
    async [Symbol.asyncDispose]() {
      await client.end()
      await Promise.all([first, ...others].map((server) => server.kill()))
      await receiver.close()
    },
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (await isSo()) return
    await wait(50)
  }
  assert.fail(`it never came to ${what}`)
}
