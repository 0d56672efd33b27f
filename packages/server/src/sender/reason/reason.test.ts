import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { reasonOf, reasonSentence, reasons, reasonsInText } from './reason.ts'

const source = path.join(import.meta.dirname, '..', '..')
const code = /(?<=')(?:config|policy|dns|net|tls|http|app|front|rp|clock|history|internal)\.[a-z_0-9]+(?=')/g

describe('the catalogue of reasons', () => {
  test('every reason code that sending and judging give is in the catalogue', () => {
    const files = ['sender', 'delivery'].flatMap((folder) =>
      globSync('**/*.ts', { cwd: path.join(source, folder) }).map((file) => path.join(source, folder, file)),
    )
    const used = new Set(files.flatMap((file) => readFileSync(file, 'utf8').match(code) ?? []))
    assert.ok(used.size > 60, `${used.size} codes`)
    const unknown = [...used].filter((one) => !reasonOf(one))
    assert.deepEqual(unknown, [])
  })

  test('titles continue "CRM: …", and no two reasons have the same', () => {
    const titles = Object.values(reasons).map((reason) => reason.title)
    assert.equal(new Set(titles).size, titles.length)
    for (const title of titles) assert.match(title, /^[a-z].*[^.]$/, title)
  })

  test('what another program printed leads to its codes, the most telling one first', () => {
    const java =
      'failed to send saml logout: javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target'
    assert.deepEqual([...reasonsInText(java)].sort(), [
      'tls.chain_incomplete',
      'tls.self_signed',
      'tls.untrusted_root',
    ])
    assert.equal(reasonsInText('Error: ECONNREFUSED 127.0.0.1:3000')[0], 'net.refused')
    assert.equal(reasonsInText('curl: (60) certificate has expired')[0], 'tls.expired')
    assert.equal(reasonsInText('what is tls.sni?')[0], 'tls.sni')
    assert.deepEqual(reasonsInText('nothing of the kind'), [])
  })

  test('a reason becomes a sentence about one application', () => {
    assert.equal(reasonSentence('net.refused', 'CRM'), 'CRM was not told: nothing listens at its address.')
    assert.equal(reasonSentence('x.unheard_of', 'CRM'), 'CRM was not told: x.unheard_of.')
  })

  test('a name that every object has is no reason', () => {
    for (const name of ['constructor', '__proto__', 'toString']) assert.equal(reasonOf(name), undefined)
  })
})
