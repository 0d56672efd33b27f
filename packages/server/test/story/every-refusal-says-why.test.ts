import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { generateKeyPair, SignJWT } from 'jose'
import { type Administrator, adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { type RealmExportOptions, realmExport } from '../support/realm-export.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

const realm: RealmExportOptions = { clients: [{ clientId: 'wiki' }, { clientId: 'chat' }] }

forEachDatabase('the log of a server, read as Keycloak’s operators do', (database) => {
  let server: ServerProcess
  let root: Administrator
  let dataDir: string
  before(async () => {
    const created = await database.create()
    dataDir = created.dataDir
    server = await startServerProcess({ ...created, realm, env: adminEnvironment })
    root = await signInAsAdministrator(server.url)
  })
  after(() => server?.[Symbol.asyncDispose]())

  async function signIn(clientId = 'wiki') {
    await using agent = createUserAgent()
    return await server.rp(clientId).signIn(agent)
  }

  /** The line that this action prints: `msg` of the JSON log, as `grep type=…` shows it. */
  async function lineAfter(action: () => Promise<unknown>): Promise<string> {
    const before = server.printed().length
    await action()
    const { 1: message = '' } = await server.untilPrinted(/"msg":("type=\w+_ERROR.*")\}/, before)
    return JSON.parse(message) as string
  }

  test('says that the session was ended by an administrator, and when (KE-30, KR-20)', async () => {
    const { refresh_token, session_state } = await signIn()
    await root.delete(`test/sessions/${session_state}`)
    const line = await lineAfter(() => server.rp('wiki').refresh(refresh_token))
    assert.match(
      line,
      /^type=REFRESH_TOKEN_ERROR, realmId=\S+, clientId=wiki, userId=\S+, ipAddress=\S+, error=invalid_token, /,
    )
    assert.match(
      line,
      /, explanation="wiki sent a refresh token that belongs to a session that ended at \d\d:\d\d by an administrator\. /,
    )
  })

  test('says that the token was issued for another client, at refresh and at the legacy sign-out (KR-08, KR-20)', async () => {
    const { refresh_token } = await signIn()
    for (const [type, path] of [
      ['REFRESH_TOKEN_ERROR', 'token'],
      ['LOGOUT_ERROR', 'logout'],
    ] as const) {
      const line = await lineAfter(() =>
        server.rp('chat').post(path, { grant_type: 'refresh_token', refresh_token }),
      )
      assert.match(line, new RegExp(`^type=${type}, realmId=\\S+, clientId=chat, .*error=invalid_token`))
      assert.match(line, /explanation="chat sent a refresh token that was issued for wiki\. /)
    }
    assert.equal((await server.rp('wiki').refresh(refresh_token)).status, 200)
  })

  test('says that the signature is by a key that is not in the key set (KR-20)', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const signed = (typ: string): Promise<string> =>
      new SignJWT({ typ, azp: 'wiki', sid: 'x', sub: 'y', jti: 'z' })
        .setProtectedHeader({ alg: 'RS256', kid: 'of-an-older-realm' })
        .setIssuer(server.issuer)
        .setAudience('wiki')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
    const idTokenHint = await signed('ID')
    const refreshToken = await signed('Refresh')
    await using agent = createUserAgent()
    const byHint = await lineAfter(() =>
      agent.get(server.rp('wiki').logoutUrl({ id_token_hint: idTokenHint })),
    )
    assert.match(byHint, /^type=LOGOUT_ERROR, .*error=invalid_token, /)
    assert.match(byHint, /explanation="[^"]*key[^"]*of-an-older-realm/)
    const byToken = await lineAfter(() => server.rp('wiki').post('logout', { refresh_token: refreshToken }))
    assert.match(byToken, /^type=LOGOUT_ERROR, .*clientId=wiki, .*error=invalid_token, .*explanation="/)
    assert.match(byToken, /not signed by a key of the realm test \(kid of-an-older-realm\)/)
  })

  test('says that the token is older than the realm’s not-before (KR-20)', async () => {
    const { refresh_token } = await signIn()
    const notBefore = Math.floor(Date.now() / 1000) + 1
    const file = join(dataDir, 'realm-not-before.json')
    writeFileSync(file, realmExport({ ...realm, settings: { notBefore } }))
    await server.stop()
    await server.restart(['--import-realm', file])
    const line = await lineAfter(() => server.rp('wiki').refresh(refresh_token))
    assert.match(line, /^type=REFRESH_TOKEN_ERROR, .*clientId=wiki, .*error=invalid_token, /)
    assert.match(
      line,
      /explanation="wiki sent a refresh token that is older than the realm's not-before, which was set to \d\d:\d\d/,
    )
    root = await signInAsAdministrator(server.url)
  })

  test('keeps what a request says from starting a line or a field of its own (KE-31)', async () => {
    await using agent = createUserAgent()
    const hostile = 'wiki\ntype=LOGIN, clientId=chat, error="x'
    const line = await lineAfter(() =>
      agent.get(
        server
          .rp('wiki')
          .logoutUrl({ client_id: hostile, post_logout_redirect_uri: 'https://evil.example/' }),
      ),
    )
    assert.ok(!line.includes('\n'))
    assert.match(line, /^type=LOGOUT_ERROR, /)
    assert.ok(!/(^|, )type=LOGIN, /.test(line.replace(/"(?:[^"\\]|\\.)*"/g, '""')), line)
  })
})
