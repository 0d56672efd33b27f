/**
 * `npm test`: every test of the repository, in random order, on both databases.
 *
 *   npm test                      everything, short files several to a process
 *   npm run test:db               what runs on both databases
 *   npm run test:story            the whole server with real receivers
 *   npm test -- FILE…             these files
 *
 * One PostgreSQL is started for all of them; `CURFEW_TEST_DATABASE_URL` names another one to use,
 * `CURFEW_TEST_DATABASE=sqlite|postgres` runs one database alone, `CURFEW_TEST_CONCURRENCY` (default 4: many files wait more than they work) says how
 * many files run at once, and `CURFEW_TEST_SEED` repeats an order that failed.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync, statfsSync } from 'node:fs'
import path from 'node:path'
import { startPostgres } from '../packages/server/test/support/postgres.ts'
import { createTemplate } from '../packages/server/test/support/template-database.ts'
import { packFiles } from './test/pack-files.ts'

const root = path.resolve(import.meta.dirname, '..')
/** A pack of files is over within one minute on a quiet machine. */
const fileTimeoutMs = 480_000
const temporaryBytesMin = 4 * 2 ** 30

const everything = [
  'packages/*/src/**/*.test.ts',
  'packages/*/test/**/*.test.ts',
  'examples/*/test/*.test.ts',
  'tools/**/*.test.ts',
]
const named: Readonly<Record<string, readonly string[]>> = {
  db: ['packages/server/test/{store,race}/**/*.test.ts'],
  story: ['packages/server/test/story/**/*.test.ts'],
}

const isEverything = process.argv.length === 2
const files = chosenFiles(process.argv.slice(2))
if (files.length === 0) {
  console.error('No test file matches.')
  process.exit(2)
}
const database = await databaseForAll()
// a file that is asked for by its name has a process of its own
using packed = isEverything ? packFiles(root, files) : undefined
try {
  process.exitCode = await runTests(packed?.files ?? files, database.environment)
} finally {
  await database.stop()
}

function chosenFiles(args: readonly string[]): readonly string[] {
  const patterns = args.length === 0 ? everything : args.flatMap((arg) => named[arg] ?? [arg])
  const found = globSync(patterns, { cwd: root, exclude: (name) => name === 'node_modules' })
  return [...new Set(found)].sort()
}

async function databaseForAll(): Promise<{ environment: NodeJS.ProcessEnv; stop(): Promise<void> }> {
  const { CURFEW_TEST_DATABASE: chosen, CURFEW_TEST_DATABASE_URL: given } = process.env
  if (chosen === 'sqlite') return { environment: {}, stop: async () => undefined }
  const server = given ? { url: given, stop: async () => undefined } : await startPostgres()
  const template = await createTemplate(server.url)
  return {
    environment: { CURFEW_TEST_DATABASE_URL: server.url, CURFEW_TEST_TEMPLATE_URL: template.url },
    async stop() {
      await template.drop()
      await server.stop()
    },
  }
}

/**
 * Databases of tests in memory, where the machine has such a folder with room: they end with the test, and a killed
 * process loses nothing there either. Waiting for a disk is a fifth of the whole run.
 */
function temporaryFolder(): NodeJS.ProcessEnv {
  const folder = '/dev/shm'
  if (process.platform !== 'linux' || !existsSync(folder)) return {}
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize >= temporaryBytesMin ? { TMPDIR: folder } : {}
}

function runTests(testFiles: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const seed = process.env['CURFEW_TEST_SEED']
  const args = [
    '--conditions=@curfew/source',
    // in this order: the second loads the test runner
    `--import=${path.join(root, 'tools/test/promise-hooks.ts')}`,
    `--import=${path.join(root, 'tools/test/house-rules.ts')}`,
    '--test',
    `--test-concurrency=${process.env['CURFEW_TEST_CONCURRENCY'] ?? '4'}`,
    `--test-timeout=${fileTimeoutMs}`,
    // what a file leaves open is a failure of that file (house-rules.ts), never a run that does not end
    '--test-force-exit',
    ...(seed ? [`--test-random-seed=${seed}`] : ['--test-randomize']),
    ...testFiles,
  ]
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: {
      // most of a short file's time would be compiling what the file before it compiled
      NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/compile'),
      ...temporaryFolder(),
      ...process.env,
      ...environment,
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)))
  })
}
