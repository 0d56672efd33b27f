import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { SendOutcome } from '../../src/sender/sender.ts'
import { hurriedTimer, neverAborted, outboundFor, someNotice } from '../support/outbound.ts'

async function listen(t: TestContext, server: Server): Promise<string> {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return `http://crm.test:${(server.address() as AddressInfo).port}/logout`
}

const answering = (t: TestContext, listener: RequestListener): Promise<string> =>
  listen(t, createServer(listener))
/** Answers the first bytes of each connection with these. */
const raw = (t: TestContext, onRequest: (socket: Socket) => void): Promise<string> =>
  listen(
    t,
    createTcpServer((socket) => socket.once('data', () => onRequest(socket))),
  )

const answered = (outcome: SendOutcome): Extract<SendOutcome, { kind: 'answered' }> => {
  assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
  return outcome
}
const unanswered = (outcome: SendOutcome): Extract<SendOutcome, { kind: 'no_answer' }> => {
  assert.ok(outcome.kind === 'no_answer', JSON.stringify(outcome))
  return outcome
}

describe('one exchange', () => {
  test('KT-13: a notice is one POST with its form and nothing that a browser would add', async (t) => {
    let seen: IncomingMessage | undefined
    let body = ''
    const url = await answering(t, (request, response) => {
      seen = request
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => response.end('done'))
    })
    const outcome = answered(await outboundFor(t).post(someNotice(`${url}?a=1&b=%2F`), neverAborted))
    assert.equal(outcome.status, 200)
    assert.equal(outcome.answer, 'done')
    assert.equal(seen?.method, 'POST')
    assert.equal(seen?.url, '/logout?a=1&b=%2F')
    assert.equal(body, 'logout_token=a.b.c')
    assert.deepEqual(Object.keys(seen?.headers ?? {}).sort(), [
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
    ])
    assert.equal(seen?.headers['content-type'], 'application/x-www-form-urlencoded')
  })

  test('F-05: a reset before the headers may have reached the application; a reset after them is an answer', async (t) => {
    const before = await raw(t, (socket) => socket.resetAndDestroy())
    const none = unanswered(await outboundFor(t).post(someNotice(before), neverAborted))
    assert.equal(none.reason, 'net.reset')
    assert.equal(none.hadConnection, true)
    const after = await raw(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nacted')
      setImmediate(() => socket.destroy())
    })
    const some = answered(await outboundFor(t).post(someNotice(after), neverAborted))
    assert.equal(some.status, 200)
    assert.equal(some.answer, 'acted')
  })

  test('F-06, T10: an application that accepts and never answers ends at 5 s as http.timeout', async (t) => {
    const url = await answering(t, () => undefined)
    const outcome = unanswered(
      await outboundFor(t, {}, { timer: hurriedTimer(20) }).post(someNotice(url), neverAborted),
    )
    assert.equal(outcome.reason, 'http.timeout')
    assert.equal(outcome.hadConnection, true)
    assert.ok(outcome.durationMs >= 240 && outcome.durationMs < 450, `${outcome.durationMs} ms`)
  })

  test('F-07, T1: headers that drip one byte at a time end at 5 s, a body that drips is cut, its status kept', async (t) => {
    const drip = (socket: Socket): void => {
      const timer = setInterval(() => socket.write('x'), 10)
      socket.on('close', () => clearInterval(timer))
    }
    const headers = await raw(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-a: ')
      drip(socket)
    })
    const slow = unanswered(
      await outboundFor(t, {}, { timer: hurriedTimer(20) }).post(someNotice(headers), neverAborted),
    )
    assert.equal(slow.reason, 'http.timeout')
    const body = await raw(t, (socket) => {
      socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 100000\r\n\r\n')
      drip(socket)
    })
    const cut = answered(await outboundFor(t).post(someNotice(body), neverAborted))
    assert.equal(cut.status, 400)
    assert.ok(cut.durationMs < 1_000, `${cut.durationMs} ms`)
  })

  test('F-08, T1, T2: of an endless body 2 KB are read and the socket is destroyed', async (t) => {
    let socketOfServer: Socket | undefined
    const url = await raw(t, (socket) => {
      socketOfServer = socket
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const chunk = `400\r\n${'a'.repeat(1024)}\r\n`
      const pump = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      }
      socket.on('drain', pump)
      pump()
    })
    const outcome = answered(await outboundFor(t).post(someNotice(url), neverAborted))
    assert.equal(outcome.answer.length, 2048)
    await new Promise<void>((resolve) => {
      if (socketOfServer?.destroyed) resolve()
      else socketOfServer?.once('close', () => resolve())
    })
  })

  test('F-09: a flood of informational answers ends the exchange', async (t) => {
    const url = await raw(t, (socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)))
    const outcome = unanswered(await outboundFor(t).post(someNotice(url), neverAborted))
    assert.equal(outcome.reason, 'http.bad_answer')
    const few = await raw(t, (socket) =>
      socket.end(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3)}HTTP/1.1 204 No Content\r\n\r\n`),
    )
    assert.equal(answered(await outboundFor(t).post(someNotice(few), neverAborted)).status, 204)
  })

  test('F-10: headers over 16 KB are no answer', async (t) => {
    const url = await raw(t, (socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`))
    assert.equal(
      unanswered(await outboundFor(t).post(someNotice(url), neverAborted)).reason,
      'http.bad_answer',
    )
  })

  test('F-11, T3: no redirect is followed, to itself, to a private address or to another host; its origin is kept', async (t) => {
    let count = 0
    const places = [
      '/logout',
      'http://10.0.0.1/x',
      'https://other.test:444/a?b',
      '//evil.test/',
      'nonsense:',
      '',
    ]
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of places) {
        const url = await answering(t, (_request, response) => {
          count += 1
          response.writeHead(status, location === '' ? {} : { location }).end()
        })
        const outcome = answered(await outboundFor(t).post(someNotice(url), neverAborted))
        assert.equal(outcome.status, status)
        if (location === 'https://other.test:444/a?b')
          assert.equal(outcome.locationOrigin, 'https://other.test:444')
        if (location === '/logout') assert.equal(outcome.locationOrigin, new URL(url).origin)
        if (location === '') assert.equal(outcome.locationOrigin, undefined)
      }
    }
    assert.equal(count, 5 * places.length)
  })

  test('F-13: an answer that is lost after the application acted is no answer, with a connection', async (t) => {
    let acted = 0
    const url = await answering(t, (request) => {
      request.resume().on('end', () => {
        acted += 1
        request.socket.destroy()
      })
    })
    const outcome = unanswered(await outboundFor(t).post(someNotice(url), neverAborted))
    assert.equal(acted, 1)
    assert.equal(outcome.hadConnection, true)
  })

  test('F-15: Retry-After is read as seconds and as a date; junk, negative values and the past are not', async (t) => {
    const date = 'Sun, 22 Nov 2026 10:00:00 GMT'
    const wanted: readonly (readonly [string, number | undefined])[] = [
      ['120', 120],
      ['0', 0],
      ['Sun, 22 Nov 2026 10:01:30 GMT', 90],
      ['Sun, 22 Nov 2026 09:00:00 GMT', undefined],
      ['-5', undefined],
      ['1e9', undefined],
      ['1000000000', 86_400],
      ['soon', undefined],
      ['', undefined],
      ['2026', 2026],
    ]
    for (const [value, seconds] of wanted) {
      const url = await answering(t, (_request, response) => {
        response.writeHead(503, { 'retry-after': value, date }).end()
      })
      const outcome = answered(await outboundFor(t).post(someNotice(url), neverAborted))
      assert.equal(outcome.retryAfterSeconds, seconds, value)
      assert.equal(outcome.answerDate, Date.parse(date))
    }
  })

  test('F-18: a second answer on a kept-alive connection is never taken for the answer to the next notice', async (t) => {
    let connections = 0
    const tcp = createTcpServer((socket) => {
      connections += 1
      const own = connections
      socket.on('data', () => {
        const status = own === 1 ? '200 OK' : '503 Busy'
        socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`)
        // The stray answer, some at once and some while the connection is idle.
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'), own % 2 === 1 ? 5 : 0)
      })
    })
    const url = await listen(t, tcp)
    const outbound = outboundFor(t)
    assert.equal(answered(await outbound.post(someNotice(url), neverAborted)).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(answered(await outbound.post(someNotice(url), neverAborted)).status, 503)
  })

  test('an attempt that the server itself stops is named so', async (t) => {
    const url = await answering(t, () => undefined)
    const stop = new AbortController()
    const sending = outboundFor(t).post(someNotice(url), stop.signal)
    setTimeout(() => stop.abort(), 20)
    const outcome = unanswered(await sending)
    assert.equal(outcome.reason, 'internal.stopped')
    assert.equal(outcome.hadConnection, true)
    const early = unanswered(await outboundFor(t).post(someNotice(url), AbortSignal.abort()))
    assert.equal(early.hadConnection, false)
  })

  test('a notice over 16 KB is a mistake of ours and is not sent', async (t) => {
    const outbound = outboundFor(t)
    const notice = someNotice('https://crm.test/', { body: 'x'.repeat(16 * 1024 + 1) })
    await assert.rejects(outbound.post(notice, neverAborted), RangeError)
  })
})

describe('endpoints', () => {
  const ok = (_request: IncomingMessage, response: ServerResponse): void => {
    response.end('ok')
  }

  test('connections are used again by the same endpoint and never shared with another one', async (t) => {
    const sockets = new Set<Socket>()
    const server = createServer(ok)
    server.on('connection', (socket: Socket) => sockets.add(socket))
    const url = await listen(t, server)
    const outbound = outboundFor(t)
    for (let round = 0; round < 10; round += 1)
      await outbound.post(someNotice(url, { endpointId: 'a' }), neverAborted)
    // undici looks at a socket for one turn before it uses it again, and may open a second one meanwhile.
    const used = sockets.size
    assert.ok(used <= 2, `${used} connections`)
    await outbound.post(someNotice(url, { endpointId: 'b' }), neverAborted)
    assert.equal(sockets.size, used + 1)
    assert.equal(outbound.poolCount(), 2)
  })

  test('I10: an endpoint whose application hangs does not hold up another one behind the same host and port', async (t) => {
    const url = await answering(t, (request, response) => {
      if (request.url === '/good') response.end('ok')
    })
    const outbound = outboundFor(t)
    const base = url.replace('/logout', '')
    const stop = new AbortController()
    const hanging = Array.from({ length: 40 }, () =>
      outbound.post(someNotice(`${base}/bad`, { endpointId: 'bad' }), stop.signal),
    )
    const outcome = answered(
      await outbound.post(someNotice(`${base}/good`, { endpointId: 'good' }), neverAborted),
    )
    assert.ok(outcome.durationMs < 500, `${outcome.durationMs} ms`)
    stop.abort()
    await Promise.all(hanging)
  })

  test('D13: a changed address is used by the next notice', async (t) => {
    const first = await answering(t, (_request, response) => response.end('first'))
    const second = await answering(t, (_request, response) => response.end('second'))
    const outbound = outboundFor(t)
    assert.equal(answered(await outbound.post(someNotice(first), neverAborted)).answer, 'first')
    assert.equal(answered(await outbound.post(someNotice(second), neverAborted)).answer, 'second')
    assert.equal(outbound.poolCount(), 1)
  })

  test('I16: idle pools are closed', async (t) => {
    const url = await answering(t, ok)
    const clock = { now: () => at }
    let at = 0
    const outbound = outboundFor(t, {}, { clock, timer: hurriedTimer(100) })
    for (let one = 0; one < 20; one += 1)
      await outbound.post(someNotice(url, { endpointId: `e${one}` }), neverAborted)
    assert.equal(outbound.poolCount(), 20)
    at = 40_000
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.equal(outbound.poolCount(), 0)
  })

  test('L-04: a thousand endpoints in one burst are all told', async (t) => {
    const server = createServer(ok)
    const open = new Set<Socket>()
    server.on('connection', (socket: Socket) => open.add(socket.on('error', () => undefined)))
    server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 })
    await once(server, 'listening')
    t.after(() => {
      server.close()
      for (const socket of open) socket.destroy()
    })
    const url = `http://crm.test:${(server.address() as AddressInfo).port}/`
    const outbound = outboundFor(t)
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, (_, one) =>
        outbound.post(someNotice(url, { endpointId: `e${one}` }), neverAborted),
      ),
    )
    assert.equal(
      outcomes.filter((outcome) => outcome.kind === 'answered' && outcome.status === 200).length,
      1000,
    )
  })
})

describe('documents', () => {
  test('a key set is read; anything but a whole 200 with JSON is refused with a reason', async (t) => {
    const url = await answering(t, (request, response) => {
      if (request.url === '/jwks') response.end('{"keys":[]}')
      else if (request.url === '/moved') response.writeHead(302, { location: '/jwks' }).end()
      else if (request.url === '/text') response.end('hello')
      else response.end(`{"keys":"${'a'.repeat(300_000)}"}`)
    })
    const base = url.replace('/logout', '')
    const outbound = outboundFor(t)
    assert.deepEqual(await outbound.fetchJson({ url: `${base}/jwks` }), { ok: true, json: { keys: [] } })
    const reasonOf = async (path: string): Promise<string | undefined> => {
      const read = await outbound.fetchJson({ url: `${base}${path}` })
      return read.ok ? undefined : read.reason
    }
    assert.equal(await reasonOf('/moved'), 'http.unexpected_status')
    assert.equal(await reasonOf('/text'), 'http.bad_answer')
    assert.equal(await reasonOf('/long'), 'http.bad_answer')
    assert.equal((await outbound.fetchJson({ url: 'https://10.0.0.1/' })).ok, false)
  })

  test('the fetch of the engine goes through the guard and follows no redirect', async (t) => {
    const url = await answering(t, (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/logout' }).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
    })
    const fetch = outboundFor(t).fetchFor()
    const response = await fetch(url, {
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': '' },
    })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.deepEqual(await response.json(), { keys: [] })
    assert.equal((await fetch(url.replace('/logout', '/moved'))).status, 302)
    await assert.rejects(fetch('http://169.254.169.254/latest/meta-data'), {
      name: 'TypeError',
      message: /link-local/,
    })
  })
})
