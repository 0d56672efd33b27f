import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import type { ApplicationOutbound } from '../../src/sender/outbound-http.ts'
import type { SendOutcome } from '../../src/sender/sender.ts'
import { issue } from '../support/broken-tls/certificate.ts'
import { neverAborted, outboundFor, someNotice } from '../support/outbound.ts'

const root = issue({ name: 'Exception Root', isCa: true })
const leaf = issue({ name: 'crm.test', issuer: root, dns: ['crm.test'], purpose: 'server' })
const client = issue({ name: 'curfew', issuer: root, purpose: 'client' })
const at = Date.UTC(2026, 10, 22)
const none: ApplicationOutbound = { allow: [] }

async function receiver(t: TestContext, options: TlsOptions = {}): Promise<number> {
  const server = createServer({ cert: leaf.pem, key: leaf.keyPem, ...options }, (_request, response) =>
    response.end('ok'),
  )
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

const seen = (outcome: SendOutcome): string => (outcome.kind === 'answered' ? 'answered' : outcome.reason)

describe('exceptions that the operator makes for one application', () => {
  test('a trusted certificate holds for this application alone, and until its end', async (t) => {
    const port = await receiver(t)
    const url = `https://crm.test:${port}/`
    let now = at
    const exception: ApplicationOutbound = { ...none, trust: [{ pem: root.pem, until: at + 30_000 }] }
    const outbound = outboundFor(
      t,
      { applications: new Map([['demo/crm', exception]]) },
      { clock: { now: () => now } },
    )
    assert.equal(seen(await outbound.post(someNotice(url), neverAborted)), 'answered')
    const other = { endpointId: 'other', scope: { realm: 'demo', clientId: 'other' } }
    assert.equal(seen(await outbound.post(someNotice(url, other), neverAborted)), 'tls.untrusted_root')
    now = at + 30_000
    assert.equal(seen(await outbound.post(someNotice(url), neverAborted)), 'tls.untrusted_root')
  })

  test('KT-13: a client certificate is shown to this application', async (t) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const port = await receiver(t, {
        maxVersion,
        ca: root.pem,
        requestCert: true,
        rejectUnauthorized: true,
      })
      const clientCertificate = { certificatePem: client.pem, keyPem: client.keyPem }
      const outbound = outboundFor(t, {
        applications: new Map([['demo/crm', { ...none, clientCertificate }]]),
      })
      const notice = someNotice(`https://crm.test:${port}/`, { trustPem: [root.pem] })
      assert.equal(seen(await outbound.post(notice, neverAborted)), 'answered', maxVersion)
    }
  })

  test('another server name is asked for and checked, never left unchecked', async (t) => {
    const port = await receiver(t)
    const withName = (serverName: string) =>
      outboundFor(t, { applications: new Map([['demo/crm', { ...none, serverName }]]) })
    const notice = someNotice(`https://internal-crm:${port}/`, { trustPem: [root.pem] })
    assert.equal(seen(await withName('crm.test').post(notice, neverAborted)), 'answered')
    assert.equal(seen(await withName('other.test').post(notice, neverAborted)), 'tls.hostname_mismatch')
    assert.equal(seen(await outboundFor(t).post(notice, neverAborted)), 'tls.hostname_mismatch')
  })

  test('TLS below 1.2 is spoken to this application until a day, and to no other', async (t) => {
    const port = await receiver(t, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const minVersion = { version: 'TLSv1.1', until: at + 1 } as const
    const applications = new Map([['demo/crm', { ...none, minVersion }]])
    const notice = someNotice(`https://crm.test:${port}/`, { trustPem: [root.pem] })
    const post = (now: number) =>
      outboundFor(t, { applications }, { clock: { now: () => now } }).post(notice, neverAborted)
    assert.equal(seen(await post(at)), 'answered')
    assert.equal(seen(await post(at + 1)), 'tls.protocol_version')
  })

  test('a private network and plain http are opened for this application alone', async (t) => {
    const outbound = outboundFor(t, {
      isDev: false,
      applications: new Map([['demo/crm', { allow: [], allowPlainHttp: true }]]),
    })
    const scope = { realm: 'demo', clientId: 'crm' }
    assert.equal(
      await outbound.check('http://crm.test/', scope).then((found) => found?.reason),
      'policy.private_address',
    )
    assert.equal(await outbound.check('http://8.8.8.8/', scope), undefined)
    assert.equal(
      await outbound
        .check('http://8.8.8.8/', { realm: 'demo', clientId: 'other' })
        .then((found) => found?.reason),
      'config.plain_http',
    )
  })
})
