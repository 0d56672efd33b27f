/** Reading a request's body once, and handing a changed one to the engine as if it had come so. */
import { IncomingMessage } from 'node:http'

/** The engine's own limit. */
export const bodyBytesMax = 56 * 1024

export function isForm(contentType: string | undefined): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? '')
}

export type ReadBody =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'aborted' }

export async function readBody(req: IncomingMessage): Promise<ReadBody> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length
      if (size > bodyBytesMax) return { kind: 'too_large' }
      chunks.push(chunk as Buffer)
    }
  } catch {
    return { kind: 'aborted' }
  }
  return { kind: 'read', text: Buffer.concat(chunks, size).toString('utf8') }
}

/** A request like `req` on the same connection, whose unread body is `text`. */
export function replaceBody(req: IncomingMessage, text: string): IncomingMessage {
  const body = Buffer.from(text)
  const replaced = new IncomingMessage(req.socket)
  Object.assign(replaced, {
    method: req.method,
    url: req.url,
    originalUrl: (req as IncomingMessage & { originalUrl?: string }).originalUrl,
    httpVersion: req.httpVersion,
    httpVersionMajor: req.httpVersionMajor,
    httpVersionMinor: req.httpVersionMinor,
    // destroying it at its end must not look like a connection that broke
    complete: true,
  })
  replaced.headers = { ...req.headers, 'content-length': String(body.length) }
  delete replaced.headers['transfer-encoding']
  replaced.push(body)
  replaced.push(null)
  return replaced
}
