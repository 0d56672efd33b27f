#!/usr/bin/env node
/** The command `curfew`: finds the command's file and ends with its exit code. */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Compiling the modules is a third of a start. The cache lies beside the code, so who can change one can change
// the other; where that folder cannot be written, nothing is kept.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'))

const { commands } = await import('./command/command.ts')
const { runCommand } = await import('./command/run-command.ts')
process.exitCode = await runCommand(commands, process.argv.slice(2))
