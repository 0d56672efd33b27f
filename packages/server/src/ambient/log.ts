/**
 * The log as an argument. A line has a stable event name, ids and a reason; never a token, a secret or a
 * person's data (house rule 7).
 */
import { type Logger, pino } from 'pino'
import { printable } from './printable.ts'

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
      // the lines of a stack stay lines
      const lines = text.split(/\n(?= {4}at )/).map(printable)
      write(`${entryLevel.padEnd(5)} ${lines.join('\n')}\n`)
    },
  }
}

export const silentLog: Log = { write: () => undefined }

function fromPino(logger: Logger): Log {
  return { write: (level, event, fields, message) => logger[level]({ event, ...fields }, message ?? event) }
}
