/** One server that is killed and started again on the same port and data, many times. */
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { GateName } from '../../src/ambient/gate.ts'
import { memoryFlags } from '../support/memory-flags.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const withGates = resolve(import.meta.dirname, 'server-with-gates.ts')
const readyTimeoutMs = 60_000

/** The gate at which the process ends, and at which arrival there. */
export interface Cliff {
  readonly gate: GateName
  readonly arrival: number
}

export interface CrashServer {
  readonly pid: number
  /** Resolves when the process has ended, whoever ended it, with its exit code; null after a signal. */
  readonly ended: Promise<number | null>
  hasEnded(): boolean
  /** What it wrote to standard error, for the report when a check fails. */
  errors(): string
  kill(signal?: NodeJS.Signals): Promise<number | null>
}

export interface CrashServerOptions {
  readonly cliff?: Cliff | undefined
  /** No file may grow beyond this: a disk that is full (`ulimit -f`). */
  readonly fileKilobytesMax?: number
  /** Started instead of the command's own file, default `src/main.ts`. */
  readonly script?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `curfew serve`, or the same with a cliff; resolves when it answers. */
export async function startCrashServer(
  flags: readonly string[],
  { cliff, fileKilobytesMax, script = cliff ? withGates : main, env = {} }: CrashServerOptions = {},
): Promise<CrashServer> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE } = process.env
  // the command keeps by itself what is compiled; the script with the gates does not
  const crashAt = cliff ? { CRASH_AT: `${cliff.gate}:${cliff.arrival}`, NODE_COMPILE_CACHE } : {}
  const args = [...memoryFlags, '-C', '@curfew/source', script, 'serve', '--dev', ...flags]
  const limit = fileKilobytesMax === undefined ? '' : `ulimit -f ${fileKilobytesMax * 2}; `
  const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...args], {
    env: { PATH, HOME, ...crashAt, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-20_000)
  })
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  await untilReady(child, ended, () => errors)
  return {
    pid: child.pid as number,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    errors: () => errors,
    kill(signal = 'SIGKILL') {
      child.kill(signal)
      return ended
    },
  }
}

function untilReady(child: ChildProcess, ended: Promise<unknown>, errors: () => string): Promise<void> {
  return new Promise((done, reject) => {
    const giveUp = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the server was not ready within ${readyTimeoutMs / 1000} s:\n${errors()}`))
    }, readyTimeoutMs)
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
      if (!text.includes('ready at http')) return
      clearTimeout(giveUp)
      done()
    })
    // a cliff may be in the way of the very first jobs: then it was ready for a moment
    void ended.then(() => {
      clearTimeout(giveUp)
      if (child.signalCode === 'SIGKILL') done()
      else reject(new Error(`the server ended with code ${child.exitCode}:\n${errors()}`))
    })
  })
}
