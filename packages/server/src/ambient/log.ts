/**
 * The log as an argument. A line has a stable event name, ids and a reason; never a token, a secret or a
 * person's data (house rule 7).
 */
import { type Logger, pino } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Log {
  /** One line. `event` is the stable dotted name (`delivery.attempt`); `fields` are ids, reasons and numbers. */
  write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>, message?: string): void
}

/** JSON lines on standard output (experience.md §5.7). */
export function jsonLog(level: LogLevel): Log {
  return fromPino(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }))
}

/** One readable line per entry, for a terminal. */
export function prettyLog(level: LogLevel, write: (line: string) => void): Log {
  const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
  return {
    write(entryLevel, event, fields, message) {
      if (order.indexOf(entryLevel) < order.indexOf(level)) return
      const rest = Object.entries(fields)
        .filter(([, value]) => value !== undefined && value !== null)
        .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      const text = message ?? [event, ...rest].join(' ')
      write(`${entryLevel.padEnd(5)} ${printable(text)}\n`)
    },
  }
}

/** Nobody who chose a value writes a line of their own or speaks to the terminal; the lines of a stack stay lines. */
function printable(text: string): string {
  return text
    .replace(/\n(?! {4}at )/g, '\\n')
    .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) =>
      character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

export const silentLog: Log = { write: () => undefined }

function fromPino(logger: Logger): Log {
  return { write: (level, event, fields, message) => logger[level]({ event, ...fields }, message ?? event) }
}
