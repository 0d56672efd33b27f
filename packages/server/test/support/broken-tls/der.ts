/** A small DER writer: just what certificates and revocation lists need (X.690 §8, §10). */

type Bytes = Uint8Array

function tagged(tag: number, ...parts: readonly Bytes[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body])
}

function lengthOf(count: number): number[] {
  if (count < 0x80) return [count]
  const bytes: number[] = []
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

export const sequence = (...parts: readonly Bytes[]): Buffer => tagged(0x30, ...parts)
export const set = (...parts: readonly Bytes[]): Buffer => tagged(0x31, ...parts)
export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]))
export const octetString = (value: Bytes): Buffer => tagged(0x04, value)
export const nothing = (): Buffer => tagged(0x05)
export const utf8 = (value: string): Buffer => tagged(0x0c, Buffer.from(value))

/** BIT STRING; `unusedBits` as in X.690 §8.6.2. */
export const bitString = (value: Bytes, unusedBits = 0): Buffer =>
  tagged(0x03, Buffer.from([unusedBits]), value)

/** `[number]` around its parts: EXPLICIT, and IMPLICIT of constructed types. */
export const context = (number: number, ...parts: readonly Bytes[]): Buffer => tagged(0xa0 | number, ...parts)
/** `[number]` IMPLICIT of a primitive type. */
export const contextPrimitive = (number: number, value: Bytes): Buffer => tagged(0x80 | number, value)

/** INTEGER, not negative. */
export function integer(value: number | Bytes): Buffer {
  const hex = typeof value === 'number' ? value.toString(16) : Buffer.from(value).toString('hex')
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return tagged(0x02, (bytes[0] as number) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const group = [arc % 128]
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128))
      group.unshift(0x80 | (high % 128))
    bytes.push(...group)
  }
  return tagged(0x06, Buffer.from(bytes))
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  const isEarly = Number(digits.slice(0, 4)) < 2050
  return tagged(isEarly ? 0x17 : 0x18, Buffer.from(`${isEarly ? digits.slice(2) : digits}Z`))
}
