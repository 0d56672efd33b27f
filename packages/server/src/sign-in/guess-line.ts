/**
 * Guesses at one counter that are being looked at by this process, and those that wait for them. A guess is no
 * failure before its password was looked at, so it is counted here and not in the database: right passwords never
 * shut each other out, and a crash leaves nothing behind. Other processes have lines of their own: each of them
 * can have as many guesses at work as the limit leaves free, and no more.
 */

/** Guesses that wait at one counter; whoever comes then is asked to come back. */
const waitingCountMax = 100

export interface GuessLine {
  /** Guesses of this counter that are being looked at. */
  readonly inFlightCount: number
  /** Grows with each that was looked at: what was read of the counter before may be old. */
  readonly settledCount: number
  enter(): void
  leave(): void
  /** Resolves when it is this one's turn to look again; false when too many wait already. */
  wait(): Promise<boolean>
  /** The one whose turn it was is done with looking: the next one may. */
  pass(): void
}

export interface GuessLines {
  of(key: string): GuessLine
}

export function createGuessLines(): GuessLines {
  const lines = new Map<string, GuessLine>()
  return {
    of(key) {
      const known = lines.get(key)
      if (known) return known
      const line = createLine(() => {
        if (lines.get(key) === line) lines.delete(key)
      })
      lines.set(key, line)
      return line
    },
  }
}

function createLine(onEmpty: () => void): GuessLine {
  const waiting: (() => void)[] = []
  let inFlightCount = 0
  let settledCount = 0
  const next = (): void => {
    waiting.shift()?.()
    if (inFlightCount === 0 && waiting.length === 0) onEmpty()
  }
  return {
    get inFlightCount() {
      return inFlightCount
    },
    get settledCount() {
      return settledCount
    },
    enter() {
      inFlightCount++
    },
    leave() {
      inFlightCount--
      settledCount++
      next()
    },
    wait() {
      if (waiting.length >= waitingCountMax) return Promise.resolve(false)
      return new Promise((resolve) => waiting.push(() => resolve(true)))
    },
    pass: next,
  }
}
