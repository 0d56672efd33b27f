/** `curfew demo`: the server with a realm, two people and real applications, and one page that shows them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { CurfewError } from '../errors.ts'
import { readArguments } from './arguments.ts'
import type { Command, CommandContext } from './command.ts'
import { type DemoApplication, demoApplications } from './demo/demo-applications.ts'
import { writeDemoRealm } from './demo/demo-realm.ts'
import { type DemoPlan, planDemo } from './demo/plan-demo.ts'
import { startStartPage } from './demo/start-page-server.ts'
import { type Supervised, supervise } from './demo/supervise.ts'
import { untilStopped } from './until-stopped.ts'

export const demo: Command = {
  name: 'demo',
  summary: 'the server with four small applications, to see a sign-out happen',
  help: `curfew demo                  everything in a temporary folder, gone at the end
curfew demo --data DIR       keeps people, sessions and events in DIR
curfew demo --port 9000      the server's port; the applications take the next ones

Sign in as alice with the password alice.`,
  async run(context) {
    const { port, dataDir } = readDemoArguments(context)
    const folder = dataDir ?? mkdtempSync(path.join(tmpdir(), 'curfew-demo-'))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      await runDemo(await planDemo(port, folder), context)
    } finally {
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
    return 0
  },
}

function readDemoArguments({ argv }: CommandContext): { port: number; dataDir: string | undefined } {
  const { positionals, flags } = readArguments(argv, new Set(), new Set())
  const { port = '8080', data, ...unknown } = flags
  const problems = [...positionals, ...Object.keys(unknown).map((name) => `--${name}`)].map(
    (word) => `${word} is not an argument of curfew demo; it knows --data and --port.`,
  )
  if (!/^\d{4,5}$/.test(String(port)))
    problems.push(`--port is "${String(port)}"; it must be a port such as 8080.`)
  if (problems.length > 0) throw new CurfewError('CURFEW_CONFIG_INVALID', problems)
  return { port: Number(port), dataDir: typeof data === 'string' ? path.resolve(data) : undefined }
}

async function runDemo(plan: DemoPlan, context: CommandContext): Promise<void> {
  const stopped = untilStopped()
  const server = startServer(plan, context)
  const applications = demoApplications(plan, context)
  try {
    await server.start()
    await startApplications(applications, context)
    await using startPage = await startStartPage(plan, applications)
    context.stdout(welcome(startPage.url, plan))
    await Promise.race([stopped, server.ended])
  } finally {
    await Promise.all(
      [server, ...applications.map((application) => application.process)].map((one) => one.stop()),
    )
  }
}

/** All but the portal are ready at once; the portal may have to make its virtual environment first. */
async function startApplications(
  applications: readonly DemoApplication[],
  { stderr }: CommandContext,
): Promise<void> {
  const starting = applications.map(async ({ name, title, process }) => {
    const ready = process.start()
    if (name !== 'portal') return ready
    ready.catch((error: unknown) => stderr(`${title}: ${error instanceof Error ? error.message : error}\n`))
  })
  await Promise.all(starting)
}

/** The server as anybody would start it, in a process of its own. */
function startServer(plan: DemoPlan, { env, stderr }: CommandContext): Supervised {
  const realmFile = writeDemoRealm(plan)
  return supervise({
    command: process.execPath,
    args: [
      ...process.execArgv,
      process.argv[1] ?? '',
      ...['serve', '--dev', '--port', String(plan.serverPort), '--url', plan.serverUrl],
      ...['--data', path.join(plan.folder, 'server'), '--import-realm', realmFile],
    ],
    env,
    readyLine: /Curfew is ready/,
    logFile: serverLog(plan),
    onTrouble: stderr,
  })
}

function serverLog(plan: DemoPlan): string {
  return path.join(plan.folder, 'server.log')
}

/** The server prints its setup link to its log, where nobody would look for it. */
function setupLine(plan: DemoPlan): string {
  const log = readFileSync(serverLog(plan), 'utf8')
  // with --data the log has earlier starts too
  const thisStart = log.slice(log.lastIndexOf('Curfew is ready'))
  const link = /http\S+\/setup\/\S+/.exec(thisStart)?.[0]
  return link
    ? `  Nobody administers it yet; not needed here, but this link makes you the one: ${link}\n`
    : ''
}

function welcome(startPageUrl: string, plan: DemoPlan): string {
  return `
  Curfew demo

  Open  ${startPageUrl}

  Sign in as alice with the password alice, open the applications, sign out of one.
  The server is at ${plan.serverUrl}; it writes to ${serverLog(plan)}.
${setupLine(plan)}  Ctrl+C ends everything.

`
}
