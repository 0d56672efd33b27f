/** Taking a compact JWS apart (RFC 7515 §3.1). Nothing in the result is proven: see verify-token.ts. */

export interface CompactJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What was signed: the first two parts with their dot. */
  readonly signed: string
  readonly signature: Buffer
}

/** Longer than any token that this server makes; nothing longer is parsed. */
const tokenLengthMax = 16_384

/** The parts of a token with a JSON object as header and as payload, or undefined. */
export function parseCompactJws(token: string): CompactJws | undefined {
  if (token.length > tokenLengthMax) return undefined
  const firstDot = token.indexOf('.')
  const lastDot = token.lastIndexOf('.')
  if (firstDot < 1 || lastDot === firstDot || token.indexOf('.', firstDot + 1) !== lastDot) return undefined
  if (!base64url.test(token)) return undefined
  const header = parseObject(token.slice(0, firstDot))
  const payload = header && parseObject(token.slice(firstDot + 1, lastDot))
  if (!header || !payload) return undefined
  return {
    header,
    payload,
    signed: token.slice(0, lastDot),
    signature: Buffer.from(token.slice(lastDot + 1), 'base64url'),
  }
}

const base64url = /^[\w.-]+$/

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
