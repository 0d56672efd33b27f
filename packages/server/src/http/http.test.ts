import assert from 'node:assert/strict'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { systemAmbient } from '../ambient/ambient.ts'
import { createHttp } from './http.ts'

describe('what stands before every route', () => {
  const logged: Readonly<Record<string, unknown>>[] = []
  let app: FastifyInstance
  before(async () => {
    const ambient = systemAmbient({ log: { write: (_level, _event, fields) => void logged.push(fields) } })
    const settings = { isPublicHttps: true, legacyAuthPath: true, trustedProxies: [] }
    app = createHttp(ambient, settings, (_request, reply, { status }) => reply.code(status).send('a page'))
    app.get('/realms/:realm', async (request) => ({ realm: request.params, url: request.url }))
    app.post('/realms/:realm', async (request) => ({ form: String(request.body) }))
    app.get('/setup/:ticket', async () => {
      throw new Error('broken')
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
  })
  after(() => app.close())

  /** Status line, headers and body of whatever comes back for these bytes. */
  const send = (bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = ''
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1', () =>
        socket.write(bytes),
      )
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1')
      })
      socket.on('error', reject).on('close', () => resolve(answer))
    })
  const get = (target: string): Promise<string> =>
    send(`GET ${target} HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\n\r\n`)
  const post = (body: string): Promise<string> =>
    send(
      `POST /realms/demo HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )

  test('U+0000 is refused in an address and in a form, raw or encoded, and an escaped escape is not one', async () => {
    for (const target of ['/realms/%00', '/realms/demo?sid=%00', '/realms/demo?a=b&%00=c', '/nothing?%00']) {
      assert.match(await get(target), /^HTTP\/1\.1 400 /, target)
    }
    for (const body of ['a=%00', 'a=\0', '%00=b']) assert.match(await post(body), /^HTTP\/1\.1 400 /, body)
    assert.match(await get('/realms/demo?a=%2500'), /^HTTP\/1\.1 200 /)
    assert.match(await post('a=%2500&b=c'), /^HTTP\/1\.1 200 .*form":"a=%2500&b=c"/s)
  })

  const broken: readonly (readonly [string, string, number])[] = [
    ['longer than 16 KB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['with a space before the colon', 'GET / HTTP/1.1\r\nHost: x\r\nFoo : bar\r\n\r\n', 400],
    [
      'with two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    [
      'with a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'with a header folded over two lines',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chun\r\n ked\r\n\r\n',
      400,
    ],
    ['that is none', '\x16\x03\x01\x02\x00\r\n\r\n', 400],
  ]
  for (const [what, bytes, status] of broken) {
    test(`a request ${what} is ${status} in JSON, with the headers of every answer and a closed connection (RFC 9112 §6.3, §11.2)`, async () => {
      const answer = await send(bytes)
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1, 'nothing is read after it')
      for (const header of [
        /\r\nx-content-type-options: nosniff\r\n/,
        /\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\n/,
        /\r\nstrict-transport-security: max-age=31536000/,
        /\r\ncache-control: no-store\r\n/,
        /\r\nconnection: close\r\n/,
      ])
        assert.match(answer, header)
      const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
      assert.equal(body.error, 'invalid_request')
    })
  }

  test('a whole address on the request line means its path (RFC 9112 §3.2.2), below /auth as well (KP-40)', async () => {
    assert.match(await get('http://elsewhere.example/realms/demo'), /"url":"\/realms\/demo"/)
    assert.match(await get('HTTPS://elsewhere.example/auth/realms/demo?a=b'), /"url":"\/realms\/demo\?a=b"/)
    assert.match(await get('http://elsewhere.example'), /^HTTP\/1\.1 404 /)
  })

  test('a fault of ours is logged with its route and without the address, which may be a ticket (X-13)', async () => {
    assert.match(await get('/setup/SECRET-TICKET'), /^HTTP\/1\.1 500 /)
    assert.doesNotMatch(JSON.stringify(logged), /SECRET-TICKET/)
    assert.equal(logged.at(-1)?.['route'], '/setup/:ticket')
  })
})
