import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { realmExport } from '../support/realm-export.ts'
import { startReceiver } from '../support/receiver.ts'
import { runCurfew, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

describe('curfew serve with settings that cannot work', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'curfew-test-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('without --url and --secret-file it ends with 78 and the two lines to add', async () => {
    const { code, stderr } = await runCurfew(['serve', '--data', folder])
    assert.equal(code, 78)
    const lines = stderr.trim().split('\n')
    assert.equal(lines.length, 3, stderr)
    assert.match(lines[0] ?? '', /Add: --url https:\/\/id\.example\.com/)
    assert.match(lines[1] ?? '', /Add: --secret-file \/etc\/curfew\/secret/)
  })

  test('it lists every unknown or wrong setting at once, of flags, environment and file, and ends with 78', async () => {
    const config = join(folder, 'curfew.yaml')
    writeFileSync(config, 'database:\n  connection_count: 5\nlog:\n  level: loud\n')
    const args = [
      'serve',
      '--dev',
      '--config',
      config,
      '--prot',
      '1',
      '--host',
      '',
      '--drain-timeout-seconds',
      '900',
    ]
    const { code, stderr } = await runCurfew(args, { CURFEW_PORT: 'eighty', CURFEW_DATBASE_URL: 'x' })
    assert.equal(code, 78)
    for (const culprit of [
      /--prot/,
      /CURFEW_PORT/,
      /CURFEW_DATBASE_URL/,
      /connection_count/,
      /log.level/,
      /drain/,
    ])
      assert.match(stderr, culprit)
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack')
  })

  test('a secret that is too short, and a port that is taken, are said in a sentence', async () => {
    const secret = join(folder, 'short-secret')
    writeFileSync(secret, 'short')
    const short = await runCurfew([
      ...['serve', '--url', 'https://id.example.com', '--secret-file', secret],
      ...['--data', folder, '--port', '0'],
    ])
    assert.equal(short.code, 78)
    assert.match(short.stderr, /needs at least 32 random ones/)
    await using taken = await startReceiver()
    const busy = await runCurfew(['serve', '--dev', '--data', folder, '--port', String(taken.port)])
    assert.equal(busy.code, 78)
    assert.match(busy.stderr, new RegExp(`Port ${taken.port} of 127\\.0\\.0\\.1 is taken`))
  })

  test('a data folder that is a file is said in a sentence', async () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, '')
    const { code, stderr } = await runCurfew(['serve', '--dev', '--data', file, '--port', '0'])
    assert.equal(code, 78)
    assert.match(stderr, /a-file is not a folder\. Name one with --data/)
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack')
  })

  test('what is found wrong after the database was opened ends the process too: a network, the secret of another database', async () => {
    const data = join(folder, 'opened')
    const network = await runCurfew([
      ...['serve', '--dev', '--data', data, '--port', '0'],
      ...['--outbound-allow', '10.0.0.0/99'],
    ])
    assert.equal(network.code, 78, network.stderr)
    assert.match(network.stderr, /"10\.0\.0\.0\/99" is not a network/)
    await using server = await startServerProcess({ dataDir: data })
    await server.stop()
    const secret = join(folder, 'other-secret')
    writeFileSync(secret, 'b'.repeat(64))
    const { code, stdout, stderr } = await runCurfew([
      ...['serve', '--dev', '--data', data, '--port', '0', '--secret-file', secret],
    ])
    assert.equal(code, 78, stderr)
    assert.match(stderr, /sealed with another server secret/)
    assert.doesNotMatch(stdout, /ready/)
  })

  test('a realm file that is wrong changes nothing and names what is wrong', async () => {
    const file = join(folder, 'wrong.json')
    writeFileSync(file, '{ "realm": "test",\n  "clients": [ { "clientId": 5 } ] }')
    const { code, stderr } = await runCurfew([
      ...['serve', '--dev', '--data', folder, '--port', '0'],
      ...['--import-realm', file],
    ])
    assert.notEqual(code, 0)
    assert.match(stderr, /wrong\.json/)
    assert.match(stderr, /clientId/)
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack')
  })
})

const wiki = { clients: [{ clientId: 'wiki' }] }

forEachDatabase('a server that is started again', (database) => {
  test('keeps people, sessions and keys without --import-realm, and an import of the same file changes nothing', async () => {
    const created = await database.create()
    await using server = await startServerProcess({ ...created, realm: wiki, env: adminEnvironment })
    await using agent = createUserAgent()
    const tokens = await server.rp('wiki').signIn(agent)
    const certs = await (await request(`${server.issuer}/protocol/openid-connect/certs`)).body.text()
    const root = await signInAsAdministrator(server.url)
    const realm = await root.get('test')
    const clients = await root.get('test/clients')

    assert.equal(await server.stop(), 0)
    await server.restart()
    const refreshed = await server.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(refreshed.status, 200)

    await server.stop()
    const file = join(created.dataDir, 'realm-again.json')
    writeFileSync(file, realmExport(wiki))
    await server.restart(['--import-realm', file])
    assert.match(server.printed(), /unchanged/i)
    const again = await request(`${server.issuer}/protocol/openid-connect/certs`)
    assert.equal(await again.body.text(), certs)
    assert.deepEqual((await root.get('test')).body, realm.body)
    assert.deepEqual((await root.get('test/clients')).body, clients.body)
    const { status } = await server.rp('wiki').refresh(refreshed.body.refresh_token ?? '')
    assert.equal(status, 200)
  })

  test('finishes at SIGTERM what it has begun: the request in flight is answered and the notice under way is settled (D16)', async () => {
    await using receiver = await startReceiver()
    const realm = { clients: [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }] }
    await using server = await startServerProcess({ ...(await database.create()), realm })
    await using agent = createUserAgent()
    const { refresh_token } = await server.rp('wiki').signIn(agent)
    let finish = (): void => undefined
    receiver.behave('wiki', (_request, response) => {
      finish = () => void response.writeHead(200).end()
    })
    assert.equal((await server.rp('wiki').post('logout', { refresh_token })).status, 204)
    await receiver.until(1)
    const stopped = server.stop()
    await new Promise((next) => setTimeout(next, 300))
    finish()
    assert.equal(await stopped, 0)
    receiver.behave('wiki', 200)
    await server.restart()
    await new Promise((next) => setTimeout(next, 1500))
    assert.equal(receiver.received.length, 1, 'a settled notice is not sent again')
  })

  test('prints a link that makes the first administrator, once (experience.md §4.1)', async () => {
    await using server = await startServerProcess(await database.create())
    const [, link = ''] = await server.untilPrinted(/(http:\S+\/setup\/\S+)/)
    await using agent = createUserAgent()
    const page = await agent.get(link)
    assert.equal(page.status, 200)
    const person = { username: 'root', password: 'a password of the administrator', organisation: 'Test' }
    const done = await agent.submit(page, person)
    assert.equal(done.status < 400, true, done.text)
    const root = await signInAsAdministrator(server.url)
    assert.equal((await root.get('master')).status, 200)
    assert.equal((await agent.get(link)).status, 400, 'the link is spent')
    const before = server.printed().length
    await server.stop()
    await server.restart()
    assert.doesNotMatch(server.printed().slice(before), /\/setup\//)
  })
})
