/**
 * Answers what is no HTTP request: Node's parser gave up, so there is neither a route nor a reply, only a socket.
 * The headers are those of every other answer, because a browser may have asked (OWASP ASVS 5.0 V3.4).
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** @param headers those of every answer */
export function answerBroken(
  headers: Readonly<Record<string, string>>,
): (error: Error & { readonly code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const { status, text } = explain(error.code)
    const body = JSON.stringify({ error: 'invalid_request', error_description: text })
    const lines = Object.entries({
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    if (socket.writable) {
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
    }
    socket.destroy(error)
  }
}

function explain(code: string | undefined): { readonly status: number; readonly text: string } {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, text: 'The request did not arrive in time.' }
  if (code !== 'HPE_HEADER_OVERFLOW') return { status: 400, text: 'The request cannot be read.' }
  const text =
    'Address and headers are longer than 16 KB together. Send long parameters in the body of a POST.'
  return { status: 431, text }
}
