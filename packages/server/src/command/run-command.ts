/** Runs one command: help, version, "did you mean", and the mapping from faults to exit codes. */
import { readFileSync } from 'node:fs'
import { nearestName } from '../config/nearest-name.ts'
import { type ErrorCode, isCurfewError } from '../errors.ts'
import type { Command, CommandContext } from './command.ts'

/** EX_CONFIG of sysexits.h. */
const exitConfiguration = 78
const exitUsage = 2
const exitUnreachable = 3
const exitConflict = 5
const exitFailed = 1

export async function runCommand(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  const context: CommandContext = {
    argv: rest,
    env: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help')
    return showHelp(commands, rest, context)
  if (name === '--version' || name === '-V' || name === 'version') return showVersion(context)
  const command = commands.find((one) => one.name === name)
  if (!command) return refuseUnknown(commands, name, context)
  if (rest.includes('--help') || rest.includes('-h')) return showHelp(commands, [name], context)
  try {
    return await command.run(context)
  } catch (error) {
    return explainFault(error, context)
  }
}

function showHelp(
  commands: readonly Command[],
  names: readonly string[],
  { stdout }: CommandContext,
): number {
  const one = commands.find((command) => command.name === names[0])
  if (one) {
    stdout(`${one.help}\n`)
    return 0
  }
  const width = Math.max(...commands.map((command) => command.name.length))
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`)
  stdout(
    `curfew: sign in once, sign out once.\n\n${lines.join('\n')}\n\ncurfew <command> --help shows examples.\n`,
  )
  return 0
}

function showVersion({ stdout }: CommandContext): number {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  stdout(`curfew ${(JSON.parse(text) as { version: string }).version} (Node ${process.version})\n`)
  return 0
}

function refuseUnknown(commands: readonly Command[], name: string, { stderr }: CommandContext): number {
  const names = commands.map((command) => command.name)
  const suggestion = nearestName(name, names, 'curfew ')
  const hint = suggestion ? `Did you mean ${suggestion}?` : 'curfew --help lists them.'
  stderr(`curfew ${name} is not a command. ${hint}\n`)
  return exitUsage
}

function explainFault(error: unknown, { stderr }: CommandContext): number {
  if (!isCurfewError(error)) {
    stderr(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return exitFailed
  }
  for (const problem of error.problems) stderr(`${problem}\n`)
  stderr(`(${error.code}; docs/errors.md says more)\n`)
  return exitCodeOf(error.code)
}

function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'CURFEW_CONFIG_INVALID':
    case 'CURFEW_KEY_UNSEAL_FAILED':
      return exitConfiguration
    case 'CURFEW_STORE_UNAVAILABLE':
      return exitUnreachable
    case 'CURFEW_STORE_LOCKED':
    case 'CURFEW_STORE_MIGRATION_REFUSED':
    case 'CURFEW_STORE_TOO_NEW':
      return exitConflict
    case 'CURFEW_REALM_IMPORT_INVALID':
      return exitUsage
    case 'CURFEW_DELIVERY_SENDER_MISSING':
    case 'CURFEW_ENGINE_NOTICE_ATTEMPTED':
      return exitFailed
  }
}
