/** Where everything of the demo is: addresses that are free, and the folder. */
import { createServer } from 'node:net'

export const applicationNames = ['wiki', 'chat', 'files', 'portal'] as const
export type ApplicationName = (typeof applicationNames)[number]

export interface DemoPlan {
  readonly folder: string
  readonly serverPort: number
  readonly serverUrl: string
  readonly issuer: string
  readonly startPagePort: number
  readonly applicationPorts: Readonly<Record<ApplicationName, number>>
}

const portMax = 65_535

/** Takes `port` and the ones after it, passing over those that are taken. */
export async function planDemo(port: number, folder: string): Promise<DemoPlan> {
  const taken: number[] = []
  const next = async (): Promise<number> => {
    const found = await firstFreePort((taken.at(-1) ?? port - 1) + 1)
    taken.push(found)
    return found
  }
  const serverPort = await next()
  const applicationPorts = {
    wiki: await next(),
    chat: await next(),
    files: await next(),
    portal: await next(),
  }
  const serverUrl = `http://localhost:${serverPort}`
  return {
    folder,
    serverPort,
    serverUrl,
    issuer: `${serverUrl}/realms/demo`,
    startPagePort: await next(),
    applicationPorts,
  }
}

async function firstFreePort(from: number): Promise<number> {
  for (let port = from; port <= portMax; port++) if (await isFree(port)) return port
  throw new Error(`no port is free from ${from} on`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
