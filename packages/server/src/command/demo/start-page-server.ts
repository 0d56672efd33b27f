/** Serves the demo's start page: what is there, what runs, and the switches that stop and start applications. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { DemoApplication } from './demo-applications.ts'
import type { DemoPlan } from './plan-demo.ts'
import { startPage } from './start-page.ts'

export interface StartPage extends AsyncDisposable {
  readonly url: string
}

const style = readFileSync(new URL('start-page.css', import.meta.url))
const script = readFileSync(new URL('start-page.js', import.meta.url))

export async function startStartPage(
  plan: DemoPlan,
  applications: readonly DemoApplication[],
): Promise<StartPage> {
  const url = `http://localhost:${plan.startPagePort}`
  const http = createServer((request, response) => {
    answer(plan, applications, url, request, response).catch((error: unknown) => {
      response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end(error instanceof Error ? error.message : 'failed')
    })
  })
  await new Promise<void>((resolve) => http.listen(plan.startPagePort, '127.0.0.1', resolve))
  return {
    url,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>()
      http.close(() => resolve())
      http.closeAllConnections()
      await promise
    },
  }
}

async function answer(
  plan: DemoPlan,
  applications: readonly DemoApplication[],
  url: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /':
      response.writeHead(200, pageHeaders(applications)).end(startPage(plan, applications))
      return
    case 'GET /start-page.css':
      response.writeHead(200, { 'content-type': 'text/css' }).end(style)
      return
    case 'GET /start-page.js':
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
      return
    case 'GET /running':
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(
        JSON.stringify(Object.fromEntries(applications.map((one) => [one.name, one.process.isRunning]))),
      )
      return
  }
  await changeApplication(applications, url, request, response)
}

/** `POST /applications/{name}/stop` and `/start`. Another page's form could send them too, hence the origin. */
async function changeApplication(
  applications: readonly DemoApplication[],
  url: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name, verb] = /^\/applications\/(\w+)\/(stop|start)$/.exec(request.url ?? '') ?? []
  const application = applications.find((one) => one.name === name)
  if (request.method !== 'POST' || !application) return void response.writeHead(404).end('Not found')
  if (request.headers.origin !== url)
    return void response.writeHead(403).end('Only the start page may do this.')
  if (verb === 'stop') await application.process.stop()
  else await application.process.start()
  response.writeHead(303, { location: '/' }).end()
}

function pageHeaders(applications: readonly DemoApplication[]): Readonly<Record<string, string>> {
  const origins = applications.map((one) => one.url).join(' ')
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' ${origins}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    // with no-referrer a form without script would send `Origin: null`, and be refused
    'referrer-policy': 'same-origin',
  }
}
