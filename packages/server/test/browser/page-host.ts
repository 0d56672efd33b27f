/** A tiny host for pages as pure functions, with the headers that they have in the server. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { languageTags } from '../../src/page/language/language.ts'
import { resources } from '../../src/page/resources.ts'
import { pageHeaders } from '../../src/page/security-headers.ts'
import { frameOf, samplePages } from './sample-pages.ts'

export interface PageHost extends AsyncDisposable {
  readonly url: string
}

/** Serves `/{page}/{language}`; `more` answers other paths. */
export async function startPageHost(
  more?: (path: string, response: ServerResponse) => boolean,
): Promise<PageHost> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    if (more?.(path, response)) return
    const resource = resources.find((candidate) => candidate.path === path)
    if (resource) {
      response.writeHead(200, { 'content-type': resource.contentType, 'x-content-type-options': 'nosniff' })
      response.end(resource.body)
      return
    }
    const [, name = '', tag = 'en'] = path.split('/')
    const render = samplePages[name]
    const language = languageTags.find((known) => known === tag) ?? 'en'
    if (!render) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, pageHeaders({ isHttps: false, isLive: /^(result|frames)/.test(name) }))
    response.end(render(frameOf(language)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
