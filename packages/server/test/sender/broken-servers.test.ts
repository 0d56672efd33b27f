import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { makeBrokenServers } from '../support/broken-tls/servers.ts'
import { hurriedTimer, neverAborted, outboundFor, someNotice } from '../support/outbound.ts'

const { servers, trustPem } = makeBrokenServers()
const hurried = { timer: hurriedTimer(10) }

describe('a server that breaks the protocol gets its own reason code', () => {
  for (const broken of servers) {
    test(`${broken.title} is told as ${broken.reason}`, async (t) => {
      const running = await broken.start()
      t.after(() => running.close())
      const outbound = outboundFor(t, {}, hurried)
      const url = `${broken.scheme ?? 'https'}://crm.test:${running.port}/logout`
      const outcome = await outbound.post(someNotice(url, { trustPem }), neverAborted)
      assert.equal(outcome.kind, 'no_answer', JSON.stringify(outcome))
      assert.equal(outcome.kind === 'no_answer' && outcome.reason, broken.reason, JSON.stringify(outcome))
      assert.equal(outcome.kind === 'no_answer' && outcome.hadConnection, broken.hadConnection)
    })
  }
})

describe('below TLS', () => {
  const reasonOf = async (
    t: Parameters<typeof outboundFor>[0],
    url: string,
    deps: Parameters<typeof outboundFor>[2],
  ) => {
    const outcome = await outboundFor(t, {}, { ...hurried, ...deps }).post(someNotice(url), neverAborted)
    return outcome.kind === 'no_answer' && !outcome.hadConnection ? outcome.reason : JSON.stringify(outcome)
  }

  test('F-01: a port on which nothing listens is net.refused', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    assert.equal(await reasonOf(t, `http://crm.test:${port}/`, {}), 'net.refused')
  })

  test('F-02: a name that does not exist is dns.not_found, a resolver that fails or is slow is dns.temporary', async (t) => {
    const rejects = (code: string) => ({
      resolve: () => Promise.reject(Object.assign(new Error(code), { code })),
    })
    assert.equal(await reasonOf(t, 'http://crm.test/', rejects('ENOTFOUND')), 'dns.not_found')
    assert.equal(await reasonOf(t, 'http://crm.test/', rejects('EAI_AGAIN')), 'dns.temporary')
    assert.equal(
      await reasonOf(t, 'http://crm.test/', { resolve: () => new Promise(() => undefined) }),
      'dns.temporary',
    )
    assert.equal(await reasonOf(t, 'http://crm.test/', { resolve: async () => [] }), 'dns.not_found')
  })

  test('F-03: packets that nobody answers are net.timeout', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    // A stopped process whose queue of connections is full: Linux drops further SYNs.
    const script = `const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const port = Number(String((await once(child.stdout, 'data'))[0]))
    child.kill('SIGSTOP')
    const fillers: Socket[] = Array.from({ length: 4 }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    )
    t.after(() => fillers.map((socket) => socket.destroy()))
    await once(fillers[1] as Socket, 'connect')
    assert.equal(await reasonOf(t, `http://crm.test:${port}/`, {}), 'net.timeout')
  })

  test('an address that answers is used when the first one of a name does not', async (t) => {
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const outbound = outboundFor(t, {}, { resolve: async () => ['127.0.0.9', '::1', '127.0.0.1'] })
    const outcome = await outbound.post(someNotice(`http://crm.test:${port}/`), neverAborted)
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
  })
})
