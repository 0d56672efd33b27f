import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { startCrashServer } from '../crash/crash-server.ts'
import { freePort } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { relyingParty } from '../support/relying-party.ts'
import { runCurfew, type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-test-'))
  // as a package or a person makes it; what stands in it is for the server alone all the same
  chmodSync(folder, 0o755)
  folders.push(folder)
  return folder
}

function startWith(receiver: Receiver, dataDir: string): Promise<ServerProcess> {
  const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }]
  return startServerProcess({ dataDir, realm: { clients } })
}

describe('the embedded database', () => {
  test('belongs to one process: a second one is refused and told what to do', async () => {
    await using receiver = await startReceiver()
    const dataDir = newFolder()
    await using server = await startWith(receiver, dataDir)
    const second = await runCurfew(['serve', '--dev', '--port', '0', '--data', dataDir])
    assert.equal(second.code, 5)
    assert.match(
      second.stderr,
      /Another Curfew process uses .*Stop it.*--data.*PostgreSQL \(--database-url\)/s,
    )
    assert.match(second.stderr, /CURFEW_STORE_LOCKED/)
    const migrate = await runCurfew(['db', 'migrate', '--data', dataDir])
    assert.equal(migrate.code, 5)
    const status = await runCurfew(['db', 'status', '--data', dataDir])
    assert.equal(status.code, 0, 'status only reads')
    assert.match(status.stdout, /2 {2}realms/)
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200)
  })

  test('is backed up while people sign in; the copy is whole and a second backup overwrites nothing', async () => {
    await using receiver = await startReceiver()
    const dataDir = newFolder()
    await using server = await startWith(receiver, dataDir)
    let isOver = false
    const people = Array.from({ length: 3 }, async () => {
      for (let count = 0; !isOver || count === 0; count++) {
        await using agent = createUserAgent()
        await server.rp('wiki').signIn(agent)
      }
    })
    const file = join(dataDir, 'copy.db')
    const backup = await runCurfew(['db', 'backup', file, '--data', dataDir])
    isOver = true
    await Promise.all(people)
    assert.equal(backup.code, 0, backup.stderr)
    assert.match(backup.stdout, /Copied \d+ pages .* Keep the server secret beside it/)
    const again = await runCurfew(['db', 'backup', file, '--data', dataDir])
    assert.deepEqual([again.code, /never overwrites/.test(again.stderr)], [5, true])
    for (const name of readdirSync(dataDir).filter((one) => /\.(db|lock)/.test(one)))
      assert.equal(statSync(join(dataDir, name)).mode & 0o077, 0, `${name} is read by others`)

    const target = newFolder()
    const restore = await runCurfew(['db', 'restore', file, '--data', target])
    assert.equal(restore.code, 0, restore.stderr)
    const status = await runCurfew(['db', 'status', '--data', target])
    assert.match(status.stdout, / 0 {2}active sessions/)
  })

  test('db migrate makes an empty database ready; db restore without a file says what it needs', async () => {
    const dataDir = newFolder()
    assert.equal((await runCurfew(['db', 'status', '--data', dataDir])).code, 1)
    const migrate = await runCurfew(['db', 'migrate', '--data', dataDir])
    assert.deepEqual([migrate.code, /up to date: 0001/.test(migrate.stdout)], [0, true], migrate.stderr)
    const restore = await runCurfew(['db', 'restore', join(dataDir, 'none.db'), '--data', dataDir])
    assert.equal(restore.code, 2)
  })

  test('F-25: on a disk that is full people are refused, and nobody who was answered is lost', async () => {
    await using receiver = await startReceiver()
    const dataDir = newFolder()
    {
      await using server = await startWith(receiver, dataDir)
      await server.stop()
    }
    const port = await freePort()
    const databaseKilobytes = Math.ceil(statSync(join(dataDir, 'curfew.db')).size / 1024)
    const small = await startCrashServer(['--data', dataDir, '--port', String(port)], {
      fileKilobytesMax: databaseKilobytes + 64,
    })
    const wiki = relyingParty({ issuer: `http://localhost:${port}/realms/test`, clientId: 'wiki' })
    const acknowledged: string[] = []
    let refusedCount = 0
    for (let turn = 0; turn < 400 && refusedCount < 3; turn++) {
      await using agent = createUserAgent()
      const tokens = await wiki.signIn(agent).catch(() => undefined)
      const sid = tokens?.session_state
      const status = tokens
        ? (await wiki.post('logout', { refresh_token: tokens.refresh_token })).status
        : (await agent.get(wiki.authorizationUrl())).status
      if (status === 204 && sid) acknowledged.push(sid)
      else if (status === 503 || status === 500) refusedCount += 1
    }
    assert.ok(refusedCount > 0, 'the disk was never full')
    assert.ok(acknowledged.length > 0)
    await small.kill()

    await using server = await startServerProcess({ dataDir })
    await receiver.until(acknowledged.length, { timeoutMs: 20_000 })
    const told = new Set(receiver.received.map(({ claims }) => claims['sid']))
    assert.deepEqual(
      acknowledged.filter((sid) => !told.has(sid)),
      [],
    )
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200)
  })
})
