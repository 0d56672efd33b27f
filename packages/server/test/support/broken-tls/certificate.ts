/** Makes certificates and revocation lists, good and broken ones, without any tool on the machine (RFC 5280). */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import * as der from './der.ts'

export interface Issued {
  readonly name: string
  readonly der: Buffer
  readonly pem: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly keyPem: string
  readonly serial: number
}

export interface CertificateRequest {
  readonly name: string
  /** Left out: self-signed. */
  readonly issuer?: Issued
  /** A key pair to use again, as a CA does that renews its certificate. */
  readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  readonly rsaBits?: number
  readonly hash?: 'sha256' | 'sha1'
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  readonly isCa?: boolean
  readonly pathLength?: number
  /** Bits from the left: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
  readonly keyUsage?: readonly number[]
  readonly purpose?: 'server' | 'client'
  readonly permittedDns?: readonly string[]
  readonly unknownCriticalOid?: string
  readonly issuersAt?: string
  readonly notBefore?: number
  readonly notAfter?: number
  readonly hasDamagedSignature?: boolean
  /** X.509 v1: no extensions at all. */
  readonly isVersion1?: boolean
}

const dayMs = 86_400_000
/** Certificates are made for the present, because OpenSSL judges them by the machine's clock. */
export const now = Math.floor(Date.now() / 1000) * 1000
let lastSerial = 1000

export function issue(request: CertificateRequest): Issued {
  const { privateKey, publicKey } = request.key ?? makeKey(request.rsaBits)
  lastSerial += 1
  const serial = lastSerial
  const issuer = request.issuer
  const signer = issuer?.privateKey ?? privateKey
  const algorithm = signatureAlgorithm(signer, request.hash ?? 'sha256')
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const extensions = request.isVersion1
    ? []
    : [der.context(3, der.sequence(...extensionsOf(request, publicKey)))]
  const body = der.sequence(
    ...(request.isVersion1 ? [] : [der.context(0, der.integer(2))]),
    der.integer(serial),
    algorithm,
    nameOf(issuer?.name ?? request.name),
    der.sequence(der.time(request.notBefore ?? now - dayMs), der.time(request.notAfter ?? now + 90 * dayMs)),
    nameOf(request.name),
    spki,
    ...extensions,
  )
  const certificate = signed(body, algorithm, signer, request.hash ?? 'sha256', request.hasDamagedSignature)
  return {
    name: request.name,
    der: certificate,
    pem: pemOf('CERTIFICATE', certificate),
    privateKey,
    publicKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    serial,
  }
}

/** A revocation list of one CA (RFC 5280 §5.1). */
export function revocationList(issuer: Issued, revoked: readonly number[], nextUpdate = now + dayMs): string {
  const algorithm = signatureAlgorithm(issuer.privateKey, 'sha256')
  const entries = revoked.map((serial) => der.sequence(der.integer(serial), der.time(now - dayMs)))
  const body = der.sequence(
    der.integer(1),
    algorithm,
    nameOf(issuer.name),
    der.time(now - 2 * dayMs),
    der.time(nextUpdate),
    ...(entries.length > 0 ? [der.sequence(...entries)] : []),
    der.context(0, der.sequence(extension('2.5.29.20', der.integer(1)))),
  )
  return pemOf('X509 CRL', signed(body, algorithm, issuer.privateKey, 'sha256'))
}

export function makeKey(rsaBits?: number): { privateKey: KeyObject; publicKey: KeyObject } {
  if (rsaBits) return generateKeyPairSync('rsa', { modulusLength: rsaBits })
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function signed(body: Buffer, algorithm: Buffer, key: KeyObject, hash: string, isDamaged = false): Buffer {
  const signature = sign(hash, body, key)
  // Inside the last number of the signature, so that it stays well-formed and is wrong.
  if (isDamaged) signature[signature.length - 4] = (signature[signature.length - 4] as number) ^ 0x55
  return der.sequence(body, algorithm, der.bitString(signature))
}

function signatureAlgorithm(key: KeyObject, hash: 'sha256' | 'sha1'): Buffer {
  if (key.asymmetricKeyType === 'rsa') {
    return der.sequence(
      der.oid(hash === 'sha1' ? '1.2.840.113549.1.1.5' : '1.2.840.113549.1.1.11'),
      der.nothing(),
    )
  }
  return der.sequence(der.oid(hash === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'))
}

function nameOf(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(commonName))))
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return der.sequence(der.oid(id), ...(isCritical ? [der.boolean(true)] : []), der.octetString(value))
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}

function extensionsOf(request: CertificateRequest, publicKey: KeyObject): Buffer[] {
  const { issuer } = request
  const list = [extension('2.5.29.14', der.octetString(keyId(publicKey)))]
  if (issuer)
    list.push(extension('2.5.29.35', der.sequence(der.contextPrimitive(0, keyId(issuer.publicKey)))))
  if (request.isCa !== undefined) list.push(basicConstraints(request))
  const usage = request.keyUsage ?? (request.isCa ? [5, 6] : undefined)
  if (usage) list.push(keyUsage(usage))
  if (request.purpose) {
    const id = request.purpose === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2'
    list.push(extension('2.5.29.37', der.sequence(der.oid(id))))
  }
  const names = [
    ...(request.dns ?? []).map((name) => der.contextPrimitive(2, Buffer.from(name))),
    ...(request.ip ?? []).map((ip) => der.contextPrimitive(7, Buffer.from(ip.split('.').map(Number)))),
  ]
  if (names.length > 0) list.push(extension('2.5.29.17', der.sequence(...names)))
  if (request.permittedDns) {
    const trees = request.permittedDns.map((name) => der.sequence(der.contextPrimitive(2, Buffer.from(name))))
    list.push(extension('2.5.29.30', der.sequence(der.context(0, ...trees)), true))
  }
  if (request.unknownCriticalOid) list.push(extension(request.unknownCriticalOid, der.nothing(), true))
  if (request.issuersAt) {
    const place = der.contextPrimitive(6, Buffer.from(request.issuersAt))
    list.push(
      extension('1.3.6.1.5.5.7.1.1', der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.2'), place))),
    )
  }
  return list
}

function basicConstraints(request: CertificateRequest): Buffer {
  const parts = request.isCa ? [der.boolean(true)] : []
  if (request.isCa && request.pathLength !== undefined) parts.push(der.integer(request.pathLength))
  return extension('2.5.29.19', der.sequence(...parts), true)
}

function keyUsage(bits: readonly number[]): Buffer {
  let byte = 0
  for (const bit of bits) byte |= 0x80 >> bit
  const unused = 7 - Math.max(...bits)
  return extension('2.5.29.15', der.bitString(Buffer.from([byte]), unused), true)
}

function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
