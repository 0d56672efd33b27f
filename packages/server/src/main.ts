#!/usr/bin/env node
/** The command `curfew`: finds the command's file and ends with its exit code. */
import { commands } from './command/command.ts'
import { runCommand } from './command/run-command.ts'

process.exitCode = await runCommand(commands, process.argv.slice(2))
