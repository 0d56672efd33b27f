/** A process of the demo: started, seen to be ready, stopped, started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

export interface SupervisedOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** A line of its standard output that says that it answers. */
  readonly readyLine: RegExp
  /** Receives both of its outputs. */
  readonly logFile: string
  /** Told when it ends by itself. */
  readonly onTrouble: (text: string) => void
}

export interface Supervised {
  readonly isRunning: boolean
  /** Resolves when it answers. Rejects if it ends before. Nothing happens when it runs. */
  start(): Promise<void>
  /** SIGTERM; resolves when it is gone. Nothing happens when it does not run. */
  stop(): Promise<void>
  /** Resolves when it ends without having been stopped. */
  readonly ended: Promise<void>
}

export function supervise(options: SupervisedOptions): Supervised {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let child: LoggedProcess | undefined
  let isWanted = false
  return {
    get isRunning() {
      return child !== undefined
    },
    async start() {
      if (child) return
      isWanted = true
      const started = spawnLogged(options)
      child = started
      started.process.once('exit', (code, signal) => {
        child = undefined
        if (!isWanted) return
        options.onTrouble(`${options.logFile}: ended by itself (${signal ?? `code ${code}`})\n`)
        end()
      })
      await untilReady(started.process, options)
    },
    async stop() {
      isWanted = false
      const stopping = child
      stopping?.process.kill('SIGTERM')
      await stopping?.logged
    },
    ended,
  }
}

interface LoggedProcess {
  readonly process: ChildProcess
  /** Resolves when it has ended and its last line is in the log. */
  readonly logged: Promise<void>
}

function spawnLogged({ command, args, env, logFile }: SupervisedOptions): LoggedProcess {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  const logged = new Promise<void>((resolve) => {
    child.once('close', () => log.end(resolve))
  })
  return { process: child, logged }
}

function untilReady(child: ChildProcess, { readyLine, logFile }: SupervisedOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`ended before it was ready; ${logFile} says why`)))
    if (!child.stdout) return
    createInterface(child.stdout).on('line', (line) => {
      if (readyLine.test(line)) resolve()
    })
  })
}
