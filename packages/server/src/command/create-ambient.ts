/** The real world for a command: the log in the form that its reader can use. */
import { type Ambient, systemAmbient } from '../ambient/ambient.ts'
import { jsonLog, prettyLog } from '../ambient/log.ts'
import type { Settings } from '../config/schema.ts'
import type { CommandContext } from './command.ts'

export function createAmbient(settings: Settings, { stderr }: CommandContext): Ambient {
  const format = settings['log.format']
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true)
  const level = settings['log.level']
  return systemAmbient({ log: isPretty ? prettyLog(level, stderr) : jsonLog(level) })
}
