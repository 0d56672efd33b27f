/** `curfew config`: what the settings are, where each came from, and the schema for editors. */
import { describeSettings } from '../config/config.ts'
import { settingsSchema } from '../config/schema.ts'
import type { Command } from './command.ts'
import { readSettings } from './read-settings.ts'

export const config: Command = {
  name: 'config',
  summary: 'print the settings and where each came from, or their JSON Schema',
  help: `curfew config print --dev            every setting, its value and its source; secrets are masked
curfew config validate --config f    exit code 78 and every problem, or nothing
curfew config schema                 JSON Schema of the configuration file`,
  async run(context) {
    const [what, ...argv] = context.argv
    if (what === 'schema') {
      context.stdout(`${JSON.stringify(settingsSchema, null, 2)}\n`)
      return 0
    }
    if (what !== 'print' && what !== 'validate') {
      context.stderr('curfew config needs one of: print, validate, schema.\n')
      return 2
    }
    const loaded = readSettings({ ...context, argv })
    if (what === 'print') context.stdout(`${describeSettings(loaded).join('\n')}\n`)
    return 0
  },
}
