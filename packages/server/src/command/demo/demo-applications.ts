/** The applications of the demo: the examples of the repository, each in its own process. */
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { CommandContext } from '../command.ts'
import { demoClientSecret } from './demo-realm.ts'
import { findPython } from './find-python.ts'
import { type ApplicationName, applicationNames, type DemoPlan } from './plan-demo.ts'
import { type Supervised, supervise } from './supervise.ts'

export interface DemoApplication {
  readonly name: ApplicationName
  readonly title: string
  /** What it is made of. */
  readonly madeOf: string
  readonly colour: string
  readonly url: string
  /** False for an application whose package has no receiver of sign-outs. */
  readonly canBeTold: boolean
  readonly process: Supervised
}

interface Made {
  readonly title: string
  readonly madeOf: string
  readonly colour: string
  readonly canBeTold: boolean
}

const made: Readonly<Record<ApplicationName, Made>> = {
  wiki: { title: 'Wiki', madeOf: 'Express, express-openid-connect', colour: '#2457a6', canBeTold: true },
  chat: { title: 'Chat', madeOf: 'Fastify, openid-client', colour: '#7a3b8f', canBeTold: true },
  files: { title: 'Files', madeOf: 'Node, openid-client', colour: '#0f6b5c', canBeTold: true },
  portal: { title: 'Portal', madeOf: 'Django, mozilla-django-oidc', colour: '#8a4b14', canBeTold: false },
}

const examples = path.resolve(import.meta.dirname, '../../../../../examples')

/** The portal is left out, and said to be, where there is no Python for it. */
export function demoApplications(plan: DemoPlan, context: CommandContext): readonly DemoApplication[] {
  const python = findPython()
  if (!python) context.stderr('The portal (Django) is left out: there is no Python 3.10 or newer here.\n')
  return applicationNames
    .filter((name) => name !== 'portal' || python !== undefined)
    .map((name) => ({
      name,
      ...made[name],
      url: `http://localhost:${plan.applicationPorts[name]}`,
      process: processOf(name, plan, python, context),
    }))
}

function processOf(
  name: ApplicationName,
  plan: DemoPlan,
  python: string | undefined,
  { env, stderr }: CommandContext,
): Supervised {
  const folder = path.join(plan.folder, name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const script = path.join(examples, name, name === 'portal' ? 'start.py' : `${name}.ts`)
  if (!existsSync(script))
    throw new Error(`the demo needs the examples of the repository: ${script} is missing`)
  const isPython = name === 'portal' && python !== undefined
  return supervise({
    command: isPython ? python : process.execPath,
    args: isPython ? [script] : [...process.execArgv, script],
    env: {
      ...env,
      ISSUER: plan.issuer,
      CLIENT_ID: name,
      CLIENT_SECRET: demoClientSecret(name),
      PORT: String(plan.applicationPorts[name]),
      BASE_URL: `http://localhost:${plan.applicationPorts[name]}`,
      START_PAGE: `http://localhost:${plan.startPagePort}`,
      DATA_DIR: folder,
    },
    readyLine: new RegExp(`^${made[name].title}: http`),
    logFile: path.join(plan.folder, `${name}.log`),
    onTrouble: stderr,
  })
}
