/** `curfew admin`: what an operator does for administrators. */
import type { Command } from './command.ts'

export const admin: Command = {
  name: 'admin',
  summary: 'print the link that makes the first administrator again',
  help: `curfew admin setup-link --dev --data DIR                 a new one-time link, valid for 30 minutes; the one
curfew admin setup-link --database-url postgres://…      before it is void. Works while the server runs.`,
  async run(context) {
    const [what, ...argv] = context.argv
    if (what !== 'setup-link') {
      context.stderr('curfew admin needs one of: setup-link.\n')
      return 2
    }
    const { printSetupLink } = await import('./print-setup-link.ts')
    return printSetupLink({ ...context, argv })
  },
}
