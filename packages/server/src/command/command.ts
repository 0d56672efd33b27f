/** The commands of `curfew`, in the order in which the help lists them. */
import { admin } from './admin.ts'
import { config } from './config.ts'
import { db } from './db.ts'
import { demo } from './demo.ts'
import { healthcheck } from './healthcheck.ts'
import { serve } from './serve.ts'

/** What a command is given. */
export interface CommandContext {
  /** The words after the command's name. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

export interface Command {
  readonly name: string
  /** One line for the list. */
  readonly summary: string
  /** Examples first (experience.md §5.10). */
  readonly help: string
  /** Returns the exit code (experience.md §5.10; 78 for settings that cannot be used). */
  run(context: CommandContext): Promise<number>
}

export const commands: readonly Command[] = [demo, serve, healthcheck, config, db, admin]
