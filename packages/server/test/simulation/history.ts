/** What happened, as lines: hashed always, kept when somebody wants to read them. */
export interface History {
  add(line: string): void
  hash(): string
  readonly lines: readonly string[]
}

export function createHistory(keepsLines: boolean): History {
  let low = 0x811c9dc5
  let high = 0x1b873593
  const lines: string[] = []
  return {
    lines,
    add(line) {
      if (keepsLines) lines.push(line)
      for (let index = 0; index < line.length; index++) {
        const code = line.charCodeAt(index)
        low = Math.imul(low ^ code, 0x01000193)
        high = Math.imul(high + code, 0x85ebca6b) ^ (high >>> 13)
      }
    },
    hash: () => (low >>> 0).toString(16).padStart(8, '0') + (high >>> 0).toString(16).padStart(8, '0'),
  }
}
