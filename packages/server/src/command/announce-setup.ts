/** Prints the one-time link to the setup page while realm `master` has no administrator (experience.md §4.1). */
import type { ComposedServer } from '../compose.ts'
import { hasAdministrator } from '../realm/bootstrap-admin.ts'
import { issueSetupTicket } from '../realm/setup-ticket.ts'
import type { CommandContext } from './command.ts'

export async function announceSetup(
  { store, ambient, url }: ComposedServer,
  context: CommandContext,
): Promise<void> {
  if (await hasAdministrator(store.read)) return
  const at = ambient.clock.now()
  const ticket = await store.transact((tx) => issueSetupTicket(tx, ambient.random, at))
  context.stdout(
    `There is no administrator yet. Make the first one within 30 minutes: ${url}/setup/${ticket}\n`,
  )
}
