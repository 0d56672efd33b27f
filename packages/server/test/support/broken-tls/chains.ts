/**
 * Good and broken certificate chains, each with the trust under which it is called and the reason code that an
 * attempt must give. The host is `crm.test` unless a chain says otherwise.
 */
import { type Issued, issue, makeKey, now, revocationList } from './certificate.ts'

export interface Chain {
  readonly title: string
  readonly certificatePem: string
  readonly keyPem: string
  /** What the realm trusts beside the bundled roots. */
  readonly trustPem: readonly string[]
  readonly crlPem?: readonly string[]
  readonly allowPartialChain?: boolean
  /** Default `crm.test`. */
  readonly host?: string
  /** undefined: the connection must succeed. */
  readonly reason: string | undefined
  /** OpenSSL refuses to serve weak certificates at its default level. */
  readonly isWeak?: boolean
  /** Tells Node's own code apart where several lead to one reason. */
  readonly nodeCode?: string
}

const dayMs = 86_400_000
const leafOf = (issuer: Issued, more: Partial<Parameters<typeof issue>[0]> = {}): Issued =>
  issue({ name: 'crm.test', issuer, dns: ['crm.test'], purpose: 'server', ...more })

/** `issuersAt` is where a local server gives the intermediate to those who follow the certificate's address. */
export function makeChains(issuersAt: string): {
  readonly chains: readonly Chain[]
  readonly intermediate: Issued
} {
  const root = issue({ name: 'Corp Root', isCa: true })
  const intermediate = issue({ name: 'Corp Issuing CA', issuer: root, isCa: true })
  const trust = [root.pem]
  const served = (
    title: string,
    leaf: Issued,
    above: readonly Issued[],
    reason?: string,
    more: Partial<Chain> = {},
  ): Chain => ({
    title,
    certificatePem: [leaf, ...above].map((one) => one.pem).join(''),
    keyPem: leaf.keyPem,
    trustPem: trust,
    reason,
    ...more,
  })
  const good = leafOf(intermediate)
  const chains = [
    served('a full chain', good, [intermediate]),
    served('a full chain with the root', good, [intermediate, root]),
    served('a leaf issued by the root', leafOf(root), []),
    served('a wildcard name', leafOf(intermediate, { dns: ['*.corp.test'] }), [intermediate], undefined, {
      host: 'crm.corp.test',
    }),
    served(
      'an address in the certificate',
      leafOf(intermediate, { ip: ['127.0.0.1'] }),
      [intermediate],
      undefined,
      { host: '127.0.0.1' },
    ),
    served('a common name that matches, without a SAN', leafOf(intermediate, { dns: [] }), [intermediate]),
    ...missingChains(served, { root, intermediate, good, issuersAt }),
    ...issuerChains(served, root),
    ...leafChains(served, intermediate),
    ...revocationChains(served, { root, intermediate, good }),
  ]
  return { chains, intermediate }
}

type Served = (
  title: string,
  leaf: Issued,
  above: readonly Issued[],
  reason?: string,
  more?: Partial<Chain>,
) => Chain

function missingChains(
  served: Served,
  of: { root: Issued; intermediate: Issued; good: Issued; issuersAt: string },
): readonly Chain[] {
  const { root, intermediate, good, issuersAt } = of
  const selfSigned = issue({ name: 'crm.test', dns: ['crm.test'] })
  const impostor = issue({ name: intermediate.name, issuer: root, isCa: true })
  const newRoot = issue({ name: root.name, isCa: true })
  const newIntermediate = issue({ name: 'Corp Issuing CA 2', issuer: newRoot, isCa: true })
  const unknown: Partial<Chain> = { trustPem: [] }
  return [
    served(
      'no intermediate, which the certificate says where to find',
      leafOf(intermediate, { issuersAt }),
      [],
      'tls.chain_incomplete',
      {
        nodeCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      },
    ),
    served('an unknown root, not sent', good, [intermediate], 'tls.untrusted_root', {
      ...unknown,
      nodeCode: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    }),
    served('an unknown root, sent', good, [intermediate, root], 'tls.untrusted_root', {
      ...unknown,
      nodeCode: 'SELF_SIGNED_CERT_IN_CHAIN',
    }),
    served('an unknown root, leaf only', leafOf(intermediate, { issuersAt }), [], 'tls.untrusted_root', {
      ...unknown,
      nodeCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    }),
    served('a certificate that signed itself', selfSigned, [], 'tls.self_signed'),
    served('a certificate that signed itself and is trusted', selfSigned, [], undefined, {
      trustPem: [selfSigned.pem],
    }),
    served('an intermediate of the right name and another key', good, [impostor], 'tls.wrong_intermediate', {
      nodeCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    }),
    served('a renewed root, not sent', leafOf(newIntermediate), [newIntermediate], 'tls.renewed_root'),
    served('a renewed root, sent', leafOf(newIntermediate), [newIntermediate, newRoot], 'tls.renewed_root'),
    served('an anchor that is no root', good, [intermediate], 'tls.anchor_is_not_root', {
      trustPem: [intermediate.pem],
    }),
    served('an anchor that is no root, where that is allowed', good, [intermediate], undefined, {
      trustPem: [intermediate.pem],
      allowPartialChain: true,
    }),
    served('a trust entry that is no certificate', good, [intermediate], 'tls.our_config', {
      trustPem: ['not a certificate'],
    }),
  ]
}

function issuerChains(served: Served, root: Issued): readonly Chain[] {
  const notCa = issue({ name: 'Not a CA', issuer: root, isCa: false })
  const version1 = issue({ name: 'Version 1', issuer: root, isVersion1: true })
  const noCertSign = issue({ name: 'No certificate signing', issuer: root, isCa: true, keyUsage: [0] })
  const short = issue({ name: 'Short', issuer: root, isCa: true, pathLength: 0 })
  const deep = issue({ name: 'Deep', issuer: short, isCa: true })
  const narrow = issue({ name: 'Narrow', issuer: root, isCa: true, permittedDns: ['example.com'] })
  const expiredCa = issue({
    name: 'Expired CA',
    issuer: root,
    isCa: true,
    notBefore: now - 9 * dayMs,
    notAfter: now - 2 * dayMs,
  })
  const sha1Ca = issue({ name: 'SHA-1 CA', issuer: root, isCa: true, hash: 'sha1' })
  const key = makeKey()
  const expiredRoot = issue({
    name: 'Expired Root',
    key,
    isCa: true,
    notBefore: now - 9 * dayMs,
    notAfter: now - dayMs,
  })
  return [
    served('an issuer that is not a CA', leafOf(notCa), [notCa], 'tls.bad_ca'),
    served('an issuer of X.509 version 1', leafOf(version1), [version1], 'tls.bad_ca'),
    served('an issuer that may not sign certificates', leafOf(noCertSign), [noCertSign], 'tls.bad_ca'),
    served('more levels than the upper CA permits', leafOf(deep), [deep, short], 'tls.path_length'),
    served('a name outside the permitted ones', leafOf(narrow), [narrow], 'tls.name_constraint'),
    served('an expired intermediate', leafOf(expiredCa), [expiredCa], 'tls.expired'),
    served('an expired root', leafOf(expiredRoot), [], 'tls.expired', { trustPem: [expiredRoot.pem] }),
    served('an intermediate signed with SHA-1', leafOf(sha1Ca), [sha1Ca], 'tls.weak_hash', { isWeak: true }),
  ]
}

function leafChains(served: Served, intermediate: Issued): readonly Chain[] {
  const above = [intermediate]
  const leaf = (more: Partial<Parameters<typeof issue>[0]>): Issued => leafOf(intermediate, more)
  return [
    served(
      'an expired certificate',
      leaf({ notBefore: now - 9 * dayMs, notAfter: now - dayMs }),
      above,
      'tls.expired',
    ),
    served('a certificate of tomorrow', leaf({ notBefore: now + dayMs }), above, 'tls.not_yet_valid'),
    served('another name', leaf({ dns: ['other.test'] }), above, 'tls.hostname_mismatch'),
    served('a wildcard one level too high', leaf({ dns: ['*.corp.test'] }), above, 'tls.hostname_mismatch', {
      host: 'a.crm.corp.test',
    }),
    served('a wildcard of one label', leaf({ dns: ['*.test'] }), above, 'tls.hostname_mismatch'),
    served('an address that is not in the certificate', leaf({}), above, 'tls.ip_not_in_cert', {
      host: '127.0.0.1',
    }),
    served(
      'a common name that does not match, without a SAN',
      leaf({ name: 'old.test', dns: [] }),
      above,
      'tls.no_san',
    ),
    served('a client certificate', leaf({ purpose: 'client' }), above, 'tls.wrong_purpose'),
    served('an RSA key of 1024 bits', leaf({ rsaBits: 1024 }), above, 'tls.weak_key', { isWeak: true }),
    served(
      'an unknown critical extension',
      leaf({ unknownCriticalOid: '1.2.3.4.5' }),
      above,
      'tls.critical_extension',
    ),
    served('a damaged signature', leaf({ hasDamagedSignature: true }), above, 'tls.bad_signature'),
  ]
}

function revocationChains(
  served: Served,
  of: { root: Issued; intermediate: Issued; good: Issued },
): readonly Chain[] {
  const { root, intermediate, good } = of
  const above = [intermediate]
  const ofRoot = revocationList(root, [])
  return [
    served('a certificate on no list', good, above, undefined, {
      crlPem: [ofRoot, revocationList(intermediate, [])],
    }),
    served('a revoked certificate', good, above, 'tls.revoked', {
      crlPem: [ofRoot, revocationList(intermediate, [good.serial])],
    }),
    served('no revocation list for its CA', good, above, 'tls.crl', { crlPem: [ofRoot] }),
    served('a stale revocation list', good, above, 'tls.crl', {
      crlPem: [ofRoot, revocationList(intermediate, [], now - dayMs)],
    }),
  ]
}
