/** `curfew serve --dev` in a process of its own, which can be killed and started again on the same data and port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type RealmExportOptions, realmExport } from './realm-export.ts'
import { type RelyingParty, relyingParty } from './relying-party.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const readyTimeoutMs = 60_000

export interface ServerProcessOptions {
  readonly dataDir: string
  readonly databaseUrl?: string | undefined
  /** Imported at the first start; later starts take what is stored. */
  readonly realm?: RealmExportOptions
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface ServerProcess extends AsyncDisposable {
  readonly url: string
  readonly issuer: string
  readonly pid: number
  /** Everything that it printed since the first start, errors included. */
  printed(): string
  /** Resolves when `pattern` has been printed, of what was printed from the character `from` on; rejects after 10 s. */
  untilPrinted(pattern: RegExp, from?: number): Promise<RegExpExecArray>
  rp(clientId: string, redirectUri?: string): RelyingParty
  /** kill -9. */
  kill(): Promise<void>
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>
  /** Again on the same data and port, after `kill` or `stop`. `flags` come on top. */
  restart(flags?: readonly string[]): Promise<void>
}

export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  let printed = ''
  const print = (text: string): void => {
    printed += text
  }
  const start = (port: number, flags: readonly string[]): Promise<Started> =>
    spawnUntilReady(['serve', ...commonFlags(options, port), ...flags], options.env ?? {}, print)
  let running = await start(0, importFlags(options))
  const { url } = running
  const issuer = `${url}/realms/${options.realm?.realm ?? 'test'}`
  const end = (signal: NodeJS.Signals): Promise<number | null> => endOf(running.child, signal)
  return {
    url,
    issuer,
    get pid() {
      return running.child.pid as number
    },
    printed: () => printed,
    untilPrinted: (pattern, from = 0) => untilFound(() => printed.slice(from), pattern),
    rp: (clientId, redirectUri) =>
      relyingParty({ issuer, clientId, ...(redirectUri ? { redirectUri } : {}) }),
    async kill() {
      await end('SIGKILL')
    },
    stop: () => end('SIGTERM'),
    async restart(flags = []) {
      running = await start(Number(new URL(url).port), flags)
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
    },
  }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `curfew` until it ends by itself; killed after 30 s. */
export async function runCurfew(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawnCurfew(args, env)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const giveUp = setTimeout(() => child.kill('SIGKILL'), 30_000)
  const code = await new Promise<number | null>((done) => child.once('close', done))
  clearTimeout(giveUp)
  return { code, stdout, stderr }
}

function commonFlags(
  { dataDir, databaseUrl, flags = [] }: ServerProcessOptions,
  port: number,
): readonly string[] {
  const database = databaseUrl === undefined ? [] : ['--database-url', databaseUrl]
  return ['--dev', '--port', String(port), '--data', dataDir, ...database, ...flags]
}

function importFlags({ dataDir, realm }: ServerProcessOptions): readonly string[] {
  if (!realm) return []
  const file = join(dataDir, 'realm.json')
  writeFileSync(file, realmExport(realm))
  return ['--import-realm', file]
}

/** Only what the command itself needs of the environment: no setting of the machine, no sign of the test runner. */
function spawnCurfew(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const { PATH = '', HOME = '' } = process.env
  return spawn(process.execPath, ['-C', '@curfew/source', main, ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

interface Started {
  readonly child: ChildProcess
  readonly url: string
}

async function spawnUntilReady(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  print: (text: string) => void,
): Promise<Started> {
  const child = spawnCurfew(args, env)
  let own = ''
  const url = await new Promise<string>((found, reject) => {
    const giveUp = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`not ready within ${readyTimeoutMs / 1000} s:\n${own}`))
    }, readyTimeoutMs)
    const read = (chunk: Buffer): void => {
      const text = String(chunk)
      print(text)
      own += text
      const ready = /ready at (https?:\/\/\S+)/.exec(own)
      if (!ready?.[1]) return
      clearTimeout(giveUp)
      found(ready[1])
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => {
      clearTimeout(giveUp)
      reject(new Error(`the server ended with code ${code}:\n${own}`))
    })
  })
  return { child, url }
}

function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((done) => {
    child.once('close', (code: number | null) => done(code))
    child.kill(signal)
  })
}

async function untilFound(read: () => string, pattern: RegExp): Promise<RegExpExecArray> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const found = pattern.exec(read())
    if (found) return found
    if (performance.now() > deadline) throw new Error(`${pattern} was not printed:\n${read().slice(-3000)}`)
    await new Promise((next) => setTimeout(next, 20))
  }
}
