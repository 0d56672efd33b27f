/** The settings of a command: its flags, the environment and the configuration file together. */
import { type LoadedSettings, loadSettings } from '../config/config.ts'
import { flagOf, settingsSchema } from '../config/schema.ts'
import { CurfewError } from '../errors.ts'
import { readArguments, type SwitchNames } from './arguments.ts'
import type { CommandContext } from './command.ts'

const flagsOfType = (type: string): SwitchNames =>
  new Set(
    Object.entries(settingsSchema.properties)
      .filter(([, schema]) => (schema as { type?: string }).type === type)
      .map(([name]) => flagOf(name)),
  )

/** @throws CURFEW_CONFIG_INVALID with every problem */
export function readSettings({ argv, env }: CommandContext): LoadedSettings {
  const { positionals, flags } = readArguments(argv, flagsOfType('boolean'), flagsOfType('array'))
  if (positionals.length > 0) {
    throw new CurfewError(
      'CURFEW_CONFIG_INVALID',
      `"${positionals.join(' ')}" is not a setting; settings begin with --.`,
    )
  }
  const { config, ...rest } = flags
  const configFile = typeof config === 'string' ? config : env['CURFEW_CONFIG']
  return loadSettings({ flags: rest, env, configFile })
}
