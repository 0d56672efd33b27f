/** Servers of a bench: each a process of its own, stopped by its id at the end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memoryFlags } from '../../packages/server/test/support/memory-flags.ts'
import { endWithBench } from './children.ts'

export interface RunningServer extends AsyncDisposable {
  /** Base address without a trailing slash. */
  readonly url: string
  readonly pid: number
  readonly process: ChildProcess
  readonly dataDir: string
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface SpawnOptions {
  /** Realm files in Keycloak's export form, as text. */
  readonly realms?: readonly string[]
  readonly databaseUrl?: string | undefined
  /** An existing data folder; it is kept. */
  readonly dataDir?: string
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const main = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url))
const startLimitMs = 60_000
const startTextMax = 100_000

export async function spawnCurfew(options: SpawnOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'curfew-bench-'))
  const files = (options.realms ?? []).map((text, index) => {
    const file = join(dataDir, `realm-${index}.json`)
    writeFileSync(file, text)
    return file
  })
  const argv = [
    ...[
      ...memoryFlags,
      '-C',
      '@curfew/source',
      main,
      'serve',
      '--dev',
      '--port',
      '0',
      '--data',
      dataDir,
      '--log-level',
      'warn',
    ],
    ...(options.databaseUrl ? ['--database-url', options.databaseUrl] : []),
    ...files.flatMap((file) => ['--import-realm', file]),
    ...(options.flags ?? []),
  ]
  const removeOwn = (): void => {
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true })
  }
  const server = await spawnUntilReady(argv, options.env ?? {}).catch((error: unknown) => {
    removeOwn()
    throw error
  })
  return {
    ...server,
    dataDir,
    async [Symbol.asyncDispose]() {
      await server.stop()
      removeOwn()
    },
  }
}

export async function spawnBareEngine(algorithm: 'RS256' | 'ES256'): Promise<RunningServer> {
  const file = fileURLToPath(new URL('./bare-engine.ts', import.meta.url))
  const server = await spawnUntilReady(['-C', '@curfew/source', file, algorithm], {})
  return { ...server, dataDir: '', [Symbol.asyncDispose]: () => server.stop() }
}

type Spawned = Pick<RunningServer, 'url' | 'pid' | 'process' | 'stop'>

async function spawnUntilReady(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Spawned> {
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  endWithBench(child)
  const url = await new Promise<string>((resolve, reject) => {
    const giveUp = setTimeout(
      () => reject(new Error('the server did not say that it is ready')),
      startLimitMs,
    )
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      // an error while it runs would otherwise be hidden behind the bench's own
      if (/"level":"?(error|50)/.test(chunk.toString())) process.stderr.write(chunk)
      if (text.length < startTextMax) text += chunk.toString()
      const ready = /ready (?:at )?(https?:\/\/\S+)/.exec(text)
      if (!ready) return
      clearTimeout(giveUp)
      resolve(ready[1] as string)
    })
    child.once('exit', (code) => {
      clearTimeout(giveUp)
      reject(new Error(`the server ended with code ${code}: ${text.slice(-2000)}`))
    })
  })
  return {
    url,
    pid: child.pid as number,
    process: child,
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('exit', () => resolve())
        child.kill(signal)
      }),
  }
}
