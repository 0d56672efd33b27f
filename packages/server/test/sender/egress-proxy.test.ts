import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type ProxySettings, proxyFor, proxyFromEnvironment } from '../../src/sender/outbound/proxy.ts'
import { issue } from '../support/broken-tls/certificate.ts'
import { connectProxyFor } from '../support/connect-proxy.ts'
import { hurriedTimer, neverAborted, outboundFor, someNotice } from '../support/outbound.ts'
import { receiverFor } from '../support/signing-realm.ts'

const root = issue({ name: 'Proxy Test Root', isCa: true })
const leaf = issue({ name: 'crm.test', issuer: root, dns: ['crm.test'], purpose: 'server' })

async function secureReceiver(t: TestContext): Promise<number> {
  const server = createServer({ cert: leaf.pem, key: leaf.keyPem }, (_request, response) =>
    response.end('signed out'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

const through = (url: URL, more: Partial<ProxySettings> = {}): { readonly proxy: ProxySettings } => ({
  proxy: { http: url, https: url, exceptions: [], allowProxyToResolve: false, ...more },
})

describe('KN-04: an egress proxy', () => {
  test('carries https and http through a tunnel to the pinned address, and TLS is checked against the name', async (t) => {
    const proxy = await connectProxyFor(t)
    const port = await secureReceiver(t)
    const outbound = outboundFor(t, through(proxy.url))
    const outcome = await outbound.post(
      someNotice(`https://crm.test:${port}/`, { trustPem: [root.pem] }),
      neverAborted,
    )
    assert.ok(outcome.kind === 'answered' && outcome.answer === 'signed out', JSON.stringify(outcome))
    const receiver = await receiverFor(t)
    const plain = await outbound.post(someNotice(receiver.url, { endpointId: 'plain' }), neverAborted)
    assert.ok(plain.kind === 'answered' && plain.status === 200)
    assert.deepEqual(proxy.asked, [`127.0.0.1:${port}`, `127.0.0.1:${new URL(receiver.url).port}`])
  })

  test('is handed the name instead where only the proxy can resolve it', async (t) => {
    const proxy = await connectProxyFor(t)
    const port = await secureReceiver(t)
    const resolve = () => Promise.reject(new Error('no DNS here'))
    const outbound = outboundFor(t, through(proxy.url, { allowProxyToResolve: true }), { resolve })
    const outcome = await outbound.post(
      someNotice(`https://crm.test:${port}/`, { trustPem: [root.pem] }),
      neverAborted,
    )
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
    assert.deepEqual(proxy.asked, [`crm.test:${port}`])
    const literal = await outbound.post(
      someNotice('https://10.0.0.1/', { endpointId: 'literal' }),
      neverAborted,
    )
    assert.equal(literal.kind, 'blocked')
  })

  test('is exempt from the guard itself; its targets are not', async (t) => {
    const proxy = await connectProxyFor(t)
    const outbound = outboundFor(
      t,
      { ...through(proxy.url), isDev: false },
      { resolve: async () => ['10.0.0.7'] },
    )
    const outcome = await outbound.post(someNotice('https://crm.test/'), neverAborted)
    assert.equal(outcome.kind, 'blocked')
    assert.deepEqual(proxy.asked, [])
  })

  test('that fails is not the fault of the application, except where it says that it could not reach it', async (t) => {
    const reasonOf = async (proxyUrl: URL): Promise<unknown> => {
      const outbound = outboundFor(t, through(proxyUrl), { timer: hurriedTimer(10) })
      const outcome = await outbound.post(someNotice('https://crm.test:8443/'), neverAborted)
      assert.ok(outcome.kind === 'no_answer' && !outcome.hadConnection, JSON.stringify(outcome))
      return [outcome.reason, outcome.isProxyFault ?? false]
    }
    const proxyWith = async (refusal: string): Promise<URL> => (await connectProxyFor(t, refusal)).url
    assert.deepEqual(await reasonOf(new URL('http://127.0.0.1:1')), ['net.proxy_error', true])
    assert.deepEqual(await reasonOf(await proxyWith('407 Proxy Authentication Required')), [
      'net.proxy_auth',
      true,
    ])
    assert.deepEqual(await reasonOf(await proxyWith('403 Forbidden')), ['net.proxy_refused', true])
    assert.deepEqual(await reasonOf(await proxyWith('502 Bad Gateway')), ['net.proxy_error', false])
  })

  test('gets the credentials of its address and no others', async (t) => {
    const proxy = await connectProxyFor(t)
    const port = await secureReceiver(t)
    const url = new URL(proxy.url)
    url.username = 'curfew'
    url.password = 'p@ss'
    const outbound = outboundFor(t, through(url))
    await outbound.post(someNotice(`https://crm.test:${port}/`, { trustPem: [root.pem] }), neverAborted)
    assert.deepEqual(proxy.authorizations, [`Basic ${Buffer.from('curfew:p@ss').toString('base64')}`])
  })

  test('is taken from the environment as other programs take it', () => {
    const settings = proxyFromEnvironment({
      HTTPS_PROXY: 'http://proxy.test:3128',
      http_proxy: 'http://other.test:3128',
      NO_PROXY: 'localhost, .internal ,crm.test:8443,10.0.0.7',
    })
    const hostFor = (host: string, port = 443, isPlainHttp = false): string | undefined =>
      proxyFor(settings, { host, port, isPlainHttp })?.hostname
    assert.equal(hostFor('app.example.com'), 'proxy.test')
    assert.equal(hostFor('app.example.com', 80, true), 'other.test')
    for (const host of ['localhost', 'a.internal', 'internal', '10.0.0.7'])
      assert.equal(hostFor(host), undefined, host)
    assert.equal(hostFor('crm.test', 8443), undefined)
    assert.equal(hostFor('crm.test'), 'proxy.test')
    assert.equal(hostFor('notinternal'), 'proxy.test')
    assert.equal(proxyFromEnvironment({ NO_PROXY: '*' }), undefined)
  })
})
