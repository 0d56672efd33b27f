/** Randomness that a seed determines: sfc32, small, fast and of good enough quality to choose orders and faults. */
import type { Random } from '../../src/ambient/random.ts'

export interface SeededRandom extends Random {
  /** A whole number in [0, count). */
  below(count: number): number
  /** A whole number in [from, until]. */
  between(from: number, until: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

/** `stream` separates uses, so that one more draw in one place does not change all the others. */
export function seededRandom(seed: number, stream: number): SeededRandom {
  let a = 0x9e3779b9 ^ stream
  let b = seed >>> 0
  let c = (seed / 2 ** 32) >>> 0
  let counter = 1
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let round = 0; round < 12; round++) next()
  const below = (count: number): number => Math.floor((next() / 2 ** 32) * count)
  return {
    below,
    between: (from, until) => from + below(until - from + 1),
    chance: (probability) => next() < probability * 2 ** 32,
    pick<T>(list: readonly T[]): T {
      return list[below(list.length)] as T
    },
    bytes(count) {
      const bytes = Buffer.alloc(Math.ceil(count / 4) * 4)
      for (let offset = 0; offset < count; offset += 4) bytes.writeUInt32LE(next(), offset)
      return bytes.subarray(0, count)
    },
  }
}
