/** The databases that a bench runs on; PostgreSQL as durable as in production. */
import { createDatabase, startPostgres } from '../../packages/server/test/support/postgres.ts'
import { endWithBench } from './children.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

export interface BenchDatabase extends AsyncDisposable {
  /** Undefined for the embedded database. */
  readonly url: string | undefined
  readonly pid: number | undefined
}

export async function openDatabase(kind: DatabaseKind): Promise<BenchDatabase> {
  if (kind === 'sqlite')
    return { url: undefined, pid: undefined, [Symbol.asyncDispose]: async () => undefined }
  const server = await startPostgres({ fsync: true })
  // the immediate shutdown of PostgreSQL, which takes its own children along
  endWithBench(server.process, 'SIGQUIT')
  const { url } = await createDatabase(server.url)
  return { url, pid: server.process.pid, [Symbol.asyncDispose]: () => server.stop() }
}

/** `--database sqlite|postgres`; both when it is not given. */
export function databasesOf(given: string | undefined): readonly DatabaseKind[] {
  const known = ['sqlite', 'postgres'] as const
  return given === undefined ? known : known.filter((kind) => kind === given)
}
