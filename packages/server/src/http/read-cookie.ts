/**
 * One cookie of a request (RFC 6265 §5.4). An empty one counts as absent, and of two with one name the first counts,
 * which is the one with the longer path.
 *
 * Only space and tab are taken away around a name. `trim` takes U+00A0 and others with them: a sibling domain may
 * set a cookie whose name is that byte and then `__Host-sid`, which no browser protects as a `__Host-` cookie.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals > 0 && bare(pair.slice(0, equals)) === name) return bare(pair.slice(equals + 1)) || undefined
  }
  return undefined
}

function bare(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}
