/** An application of a test: its address is known before its routes are, as its registration at the server needs. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'

export interface WebApplication extends AsyncDisposable {
  /** On the same site as the server, as applications of one company are; `127.0.0.1` is another site to a browser. */
  readonly url: string
  readonly routes: Express
}

export async function startWebApplication(): Promise<WebApplication> {
  const routes = express()
  const server = createServer(routes).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    routes,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
