/** Settings of the database commands: they need no public address and no secret, so they are read as in development. */
import type { Settings } from '../config/schema.ts'
import type { CommandContext } from './command.ts'
import { readSettings } from './read-settings.ts'

export function readDatabaseSettings(context: CommandContext): Settings {
  const isDevNamed = context.argv.some(
    (word) => word === '--dev' || word === '--no-dev' || word.startsWith('--dev='),
  )
  return readSettings({ ...context, argv: isDevNamed ? context.argv : [...context.argv, '--dev'] }).settings
}

/** The first word that is not a flag, and the rest. */
export function takeFile(context: CommandContext): {
  readonly file: string | undefined
  readonly rest: CommandContext
} {
  const [first, ...rest] = context.argv
  if (first === undefined || first.startsWith('--')) return { file: undefined, rest: context }
  return { file: first, rest: { ...context, argv: rest } }
}
