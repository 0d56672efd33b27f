import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCurfew, startServerProcess } from '../support/server-process.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'curfew-test-'))
after(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }))

test('curfew admin setup-link prints a new link beside the running server, voids the one before, and none once there is an administrator', async () => {
  await using server = await startServerProcess({ dataDir, realm: { clients: [] } })
  const [, first = ''] = await server.untilPrinted(/\/setup\/(\S+)/)
  const printed = await runCurfew(['admin', 'setup-link', '--data', dataDir])
  assert.equal(printed.code, 0, printed.stderr)
  const second = printed.stdout.trim().split('/').at(-1) ?? ''
  assert.equal((await fetch(`${server.url}/setup/${first}`)).status, 400)
  assert.equal((await fetch(`${server.url}/setup/${second}`)).status, 200)
  const made = await fetch(`${server.url}/setup/${second}`, {
    method: 'POST',
    body: new URLSearchParams({
      username: 'ada',
      password: 'a long enough phrase',
      email: '',
      organisation: '',
    }),
  })
  assert.equal(made.status, 200)
  const third = await runCurfew(['admin', 'setup-link', '--data', dataDir])
  assert.equal(third.code, 5)
  assert.match(third.stderr, /has an administrator/)
})

test('curfew admin setup-link says that there is no database yet', async () => {
  const printed = await runCurfew(['admin', 'setup-link', '--data', join(dataDir, 'empty')])
  assert.equal(printed.code, 3)
  assert.match(printed.stderr, /curfew serve makes it/)
})
