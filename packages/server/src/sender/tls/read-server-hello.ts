/**
 * Reads what a TLS server says in clear: it sends a TLS 1.2 ClientHello, reads until ServerHelloDone or an alert,
 * and hangs up. Node cannot tell this: it leaves out served certificates that do not chain, and adds roots of
 * its own. Nothing is ever sent over such a connection but the hello.
 *
 * @see RFC 5246 §7.4; RFC 6066 §3 (server_name)
 */
import type { Socket } from 'node:net'
import type { Timer } from '../../ambient/timer.ts'

export interface ServerHello {
  /** False when the port answered with something that is not TLS. */
  readonly isTls: boolean
  /** DER of the certificates as they were sent, in their order. */
  readonly certificates: readonly Buffer[]
  /** True when the server asks for a client certificate. */
  readonly asksForCertificate: boolean
  /** The alert that ended the handshake (RFC 8446 §6). */
  readonly alert: number | undefined
}

const readBytesMax = 64 * 1024
const readTimeoutMs = 2_000

/** Never rejects: a connection that breaks off gives what was read until then. The socket is destroyed. */
export function readServerHello(
  deps: { readonly timer: Timer },
  socket: Socket,
  serverName: string | undefined,
): Promise<ServerHello> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0)
    const finish = (): void => {
      cancel()
      socket.off('data', read)
      socket.destroy()
      resolve(parse(bytes).hello)
    }
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length > readBytesMax || parse(bytes).isDone) finish()
    }
    const cancel = deps.timer.after(readTimeoutMs, finish)
    socket.on('error', finish).on('close', finish).on('data', read)
    socket.write(clientHello(serverName))
  })
}

const recordAlert = 21
const recordHandshake = 22
const messageCertificate = 11
const messageCertificateRequest = 13
const messageServerHelloDone = 14

function parse(bytes: Buffer): { hello: ServerHello; isDone: boolean } {
  const isTls =
    bytes.length >= 3 && (bytes[0] === recordAlert || bytes[0] === recordHandshake) && bytes[1] === 3
  const { handshake, alert } = readRecords(bytes)
  const messages = readMessages(handshake)
  const certificate = messages.find((message) => message.type === messageCertificate)
  const has = (type: number): boolean => messages.some((message) => message.type === type)
  const hello = {
    isTls,
    certificates: certificate ? readCertificates(certificate.body) : [],
    asksForCertificate: has(messageCertificateRequest),
    alert,
  }
  return {
    hello,
    isDone: (bytes.length >= 3 && !isTls) || alert !== undefined || has(messageServerHelloDone),
  }
}

function readRecords(bytes: Buffer): { handshake: Buffer; alert: number | undefined } {
  const parts: Buffer[] = []
  let alert: number | undefined
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt16BE(at + 3)
    if (end > bytes.length) break
    if (bytes[at] === recordHandshake) parts.push(bytes.subarray(at + 5, end))
    // A warning (level 1) does not end the handshake.
    if (bytes[at] === recordAlert && bytes[at + 5] === 2) alert = bytes[at + 6]
    at = end
  }
  return { handshake: Buffer.concat(parts), alert }
}

function readMessages(handshake: Buffer): readonly { readonly type: number; readonly body: Buffer }[] {
  const messages: { type: number; body: Buffer }[] = []
  for (let at = 0; at + 4 <= handshake.length; ) {
    const end = at + 4 + handshake.readUIntBE(at + 1, 3)
    if (end > handshake.length) break
    messages.push({ type: handshake[at] as number, body: handshake.subarray(at + 4, end) })
    at = end
  }
  return messages
}

/** RFC 5246 §7.4.2: a list of certificates, each behind a length of three bytes. */
function readCertificates(body: Buffer): readonly Buffer[] {
  const list: Buffer[] = []
  for (let at = 3; at + 3 <= body.length; ) {
    const end = at + 3 + body.readUIntBE(at, 3)
    if (end > body.length) break
    list.push(body.subarray(at + 3, end))
    at = end
  }
  return list
}

const ciphers = 'c02bc02fc02cc030cca9cca8c009c013c00ac014009c009d002f0035'
const extensions = [
  ['000a', '0006001d00170018'], // supported_groups: x25519, P-256, P-384
  ['000b', '0100'], // ec_point_formats: uncompressed
  ['000d', '00140403080404010503080505010806060102030201'], // signature_algorithms
  ['ff01', '00'], // renegotiation_info
] as const

function clientHello(serverName: string | undefined): Buffer {
  const list = extensions.map(([type, body]) => prefixed(Buffer.from(body, 'hex'), 2, type))
  if (serverName) {
    const name = prefixed(Buffer.from(serverName), 2, '00')
    list.unshift(prefixed(prefixed(name, 2), 2, '0000'))
  }
  const body = Buffer.concat([
    Buffer.from('0303', 'hex'),
    // The hello's random number protects a handshake that is completed; this one never is.
    Buffer.alloc(32, 0x5a),
    Buffer.from('00', 'hex'),
    prefixed(Buffer.from(ciphers, 'hex'), 2),
    Buffer.from('0100', 'hex'),
    prefixed(Buffer.concat(list), 2),
  ])
  return prefixed(prefixed(body, 3, '01'), 2, '160301')
}

/** `head`, the length of `body` in `lengthBytes` bytes, `body`. */
function prefixed(body: Buffer, lengthBytes: number, head = ''): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(body.length, 0, lengthBytes)
  return Buffer.concat([Buffer.from(head, 'hex'), length, body])
}
