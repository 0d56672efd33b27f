/** The HTML of the only pages that others may frame (SEC-10, KI-13): no style, no link, one script each. */
import type { FastifyReply } from 'fastify'
import { type Random, randomId } from '../../ambient/random.ts'

/**
 * Sends a page with one inline script. There is no `frame-ancestors`: being framed by applications is what these
 * pages are for. Values for the script are JSON, in which `<` is escaped, so that none can close the element.
 */
export function sendFramePage(
  reply: FastifyReply,
  random: Random,
  page: {
    readonly title: string
    readonly script: string
    readonly values: Readonly<Record<string, unknown>>
  },
): FastifyReply {
  const nonce = randomId(random)
  const values = JSON.stringify(page.values).replaceAll('<', '\\u003c')
  reply.removeHeader('x-frame-options')
  reply.removeHeader('cross-origin-opener-policy')
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      `default-src 'none'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'`,
    )
    .send(
      `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${page.title}</title></head><body><script nonce="${nonce}">\n(${page.script})(${values})\n</script></body></html>\n`,
    )
}
