import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { CertificateSummary } from '../../src/sender/tls/certificate-summary.ts'
import { type Chain, makeChains } from '../support/broken-tls/chains.ts'
import { neverAborted, outboundFor, someNotice } from '../support/outbound.ts'

const publisher = createHttpServer((_request, response) => response.end(intermediateDer))
let intermediateDer: Buffer = Buffer.alloc(0)
let chains: readonly Chain[] = []

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function call(t: TestContext, chain: Chain, maxVersion: 'TLSv1.2' | 'TLSv1.3') {
  const server = createServer(
    {
      cert: chain.certificatePem,
      key: chain.keyPem,
      maxVersion,
      ...(maxVersion === 'TLSv1.3' ? { minVersion: maxVersion } : {}),
      ...(chain.isWeak ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
    },
    (_request, response) => response.end('signed out'),
  )
  const port = await listen(server)
  t.after(() => server.close())
  const outbound = outboundFor(t, {
    trust: {
      caPem: [],
      crlPem: chain.crlPem ?? [],
      useSystemCa: false,
      allowPartialChain: chain.allowPartialChain ?? false,
    },
  })
  const url = `https://${chain.host ?? 'crm.test'}:${port}/logout`
  return outbound.post(someNotice(url, { trustPem: chain.trustPem }), neverAborted)
}

describe('F-04: a certificate that cannot be verified gets the reason that a person can act on', () => {
  before(async () => {
    const made = makeChains(`http://127.0.0.1:${await listen(publisher)}/issuing-ca.crt`)
    intermediateDer = made.intermediate.der
    chains = made.chains
  })
  after(() => publisher.close())

  test('every chain of the catalogue gives its reason code', async (t) => {
    assert.ok(chains.length >= 30, `${chains.length} chains`)
    for (const chain of chains) {
      await t.test(chain.title, async (one) => {
        const outcome = await call(one, chain, 'TLSv1.2')
        const seen = outcome.kind === 'answered' ? undefined : outcome.reason
        assert.equal(seen, chain.reason, JSON.stringify(outcome))
        if (outcome.kind !== 'no_answer') return
        assert.equal(outcome.hadConnection, false)
        if (chain.nodeCode) assert.match(outcome.detail, new RegExp(`^${chain.nodeCode}: `))
      })
    }
  })

  test('a server that speaks TLS 1.3 alone gives the same reasons, except where Node hides what it sent', async (t) => {
    const hidden = new Set(['tls.wrong_intermediate'])
    for (const chain of chains) {
      await t.test(`${chain.title}, TLS 1.3`, async (one) => {
        const outcome = await call(one, chain, 'TLSv1.3')
        const seen = outcome.kind === 'answered' ? undefined : outcome.reason
        const wanted = chain.reason && hidden.has(chain.reason) ? 'tls.untrusted_root' : chain.reason
        assert.equal(seen, wanted, JSON.stringify(outcome))
      })
    }
  })

  test('an attempt keeps what it saw of the chain: names, dates, fingerprints, and what is missing', async (t) => {
    const chain = chains.find((one) => one.reason === 'tls.chain_incomplete')
    const outcome = await call(t, chain as Chain, 'TLSv1.2')
    assert.ok(outcome.kind === 'no_answer' && outcome.certificate)
    const summary = JSON.parse(outcome.certificate) as CertificateSummary
    assert.equal(summary.isIssuerSent, false)
    assert.equal(summary.served.length, 1)
    const [served] = summary.served
    assert.equal(served?.subject, 'CN=crm.test')
    assert.equal(served?.issuer, 'CN=Corp Issuing CA')
    assert.equal(served?.names, 'DNS:crm.test')
    assert.match(served?.fingerprint256 ?? '', /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    assert.equal(summary.missing?.[0]?.line.subject, 'CN=Corp Issuing CA')
    assert.match(summary.missing?.[0]?.pem ?? '', /BEGIN CERTIFICATE/)
    assert.ok(outcome.certificate.length < 8_192)
  })

  test('the expired certificate of a chain is named, not only the chain', async (t) => {
    const chain = chains.find((one) => one.title === 'an expired intermediate')
    const outcome = await call(t, chain as Chain, 'TLSv1.2')
    assert.ok(outcome.kind === 'no_answer' && outcome.certificate)
    assert.equal((JSON.parse(outcome.certificate) as CertificateSummary).faultIndex, 1)
  })
})
