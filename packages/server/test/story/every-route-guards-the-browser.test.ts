/** the routes come from the router itself, so a new one is looked at without being listed here. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Agent, request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
}

/** SEC-10: the pages that applications frame. */
const framable = /\/(login-status-iframe\.html|3p-cookies\/step[12]\.html)$/
/** Kept by browsers: files whose address changes with their content. */
const immutable = /^\/resources\//
/** Public by nature; a script of any origin may read them. */
const readableByAll = /^\/realms\/:realm$|\/certs$|\/\.well-known\//

/** Take client credentials or a token instead of cookies, or are no forms. */
const forPrograms =
  /\/(token|introspect|revoke|userinfo|request|auth|auth\/:uid|registrations|certs|openid-configuration|oauth-authorization-server)$/

/** Reads the tree that the router prints: four characters of it for each level. */
function routesOf(tree: string): readonly Route[] {
  const parts: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+)(?: \(([^)]*)\))?/.exec(line) ?? []
    if (path === '') return []
    parts.splice(indent.length / 4)
    parts.push(path)
    const whole = parts.join('').replace('//', '/')
    return (['GET', 'POST'] as const)
      .filter((method) => methods.split(', ').includes(method))
      .map((method) => ({ method, path: whole }))
  })
}

for (const mode of ['https', 'http'] as const) {
  forEachDatabase(`every route with an ${mode} public address`, (database) => {
    let world: WholeServer
    let outside: Agent
    let routes: readonly Route[]
    before(async () => {
      const env: Record<string, string> = mode === 'https' ? { CURFEW_URL: 'https://id.example.test' } : {}
      world = await startWholeServer(database, { clients: [{ clientId: 'wiki' }] }, env)
      outside = new Agent()
      routes = routesOf(world.server.http.app.printRoutes({ commonPrefix: false }))
    })
    after(async () => {
      await outside?.close()
      await world?.[Symbol.asyncDispose]()
    })

    async function call({ method, path }: Route, headers: Record<string, string> = {}) {
      const { port } = world.server.http.app.server.address() as AddressInfo
      const filled = path.replace(':realm', 'test').replaceAll(/:[a-zA-Z]+/g, 'x')
      const answer = await request(`http://127.0.0.1:${port}${filled}`, {
        dispatcher: outside,
        method,
        body: method === 'POST' ? 'a=b' : null,
        headers: {
          accept: 'text/html',
          ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...headers,
        },
      })
      await answer.body.dump()
      const set = [answer.headers['set-cookie'] ?? []].flat()
      return { status: answer.statusCode, headers: answer.headers, set }
    }

    test('is in the tree that the router prints', () => {
      assert.ok(routes.length > 60, String(routes.length))
      for (const path of [
        '/realms/:realm/protocol/openid-connect/logout',
        '/setup/:ticket',
        '/admin/realms/:realm/users',
      ])
        assert.ok(
          routes.some((route) => route.path === path),
          path,
        )
    })

    test('cannot be framed, guessed at, leaked from or kept, the named pages apart (X-09, SEC-10, ASVS 3.4)', async () => {
      let framableCount = 0
      for (const route of [...routes, { method: 'GET', path: '/nothing/here' } as const]) {
        const { headers } = await call(route)
        const what = `${route.method} ${route.path}`
        const policy = String(headers['content-security-policy'])
        assert.match(policy, /default-src 'none'/, what)
        assert.doesNotMatch(policy, /unsafe|\*/, what)
        assert.equal(headers['x-content-type-options'], 'nosniff', what)
        assert.equal(headers['referrer-policy'], 'no-referrer', what)
        const isHsts = /^max-age=31536000; includeSubDomains$/.test(
          String(headers['strict-transport-security']),
        )
        assert.equal(isHsts, mode === 'https', what)
        if (framable.test(route.path)) framableCount += 1
        else {
          assert.match(policy, /frame-ancestors 'none'/, what)
          assert.equal(headers['x-frame-options'], 'DENY', what)
        }
        const isPublic = immutable.test(route.path) || readableByAll.test(route.path)
        if (!isPublic) assert.match(String(headers['cache-control']), /no-store/, what)
      }
      assert.equal(framableCount, 3)
    })

    test('gives no foreign origin anything, except what is public by nature (SEC-11, KK-22)', async () => {
      for (const route of routes) {
        const { headers } = await call(route, { origin: 'https://evil.example' })
        const allowed = headers['access-control-allow-origin']
        const what = `${route.method} ${route.path}: ${allowed}`
        assert.equal(headers['access-control-allow-credentials'], undefined, what)
        if (!readableByAll.test(route.path)) assert.equal(allowed, undefined, what)
      }
    })

    test('sets cookies with every attribute, and a prefix where the address is https (ASVS 3.3)', async () => {
      const { rp } = world
      const begin = new URL(rp('wiki').authorizationUrl())
      const begun = await call({
        method: 'GET',
        path: `/realms/test/protocol/openid-connect/auth${begin.search}`,
      })
      assert.equal(begun.set.length, 2)
      const others = await Promise.all(routes.map((route) => call(route)))
      const lines = [...begun.set, ...others.flatMap(({ set }) => set)]
      assert.ok(lines.length > 2)
      for (const line of lines) {
        assert.match(line, /; samesite=(lax|strict)/i)
        assert.doesNotMatch(line, /; domain=/i)
        if (!/-state-/.test(line)) assert.match(line, /; httponly/i)
        assert.equal(/; secure/i.test(line), mode === 'https', line)
        assert.equal(/^__(Host|Secure)-/.test(line), mode === 'https', line)
        if (line.startsWith('__Host-')) assert.match(line, /; path=\/(;|$)/i)
        if (mode === 'http') assert.match(line, /^curfew-/)
      }
    })

    test('that a form is posted to does nothing for another site (X-09, ASVS 3.5.1, THR-01)', async () => {
      const forms = routes.filter(
        ({ method, path }) => method === 'POST' && !path.startsWith('/admin') && !forPrograms.test(path),
      )
      assert.deepEqual(
        forms.map(({ path }) => path.replace('/realms/:realm', '')).sort(),
        [
          '/language',
          '/protocol/openid-connect/logout',
          '/protocol/openid-connect/logout/logout-confirm',
          '/setup',
          '/setup/:ticket',
          '/sign-in/:interaction',
          '/sign-out/:id/devices',
        ].sort(),
      )
      for (const site of ['cross-site', 'same-site']) {
        for (const route of forms) {
          const { status, set } = await call(route, {
            'sec-fetch-site': site,
            origin: 'https://evil.example',
          })
          // a sign-out from elsewhere goes on as a GET, where the question is asked (SR-21)
          const isAsked = route.path.endsWith('/logout')
          assert.ok(
            isAsked ? status === 303 || status === 200 : status >= 400,
            `${route.path} ${site}: ${status}`,
          )
          assert.deepEqual(set, [], route.path)
        }
      }
    })
  })
}

describe('the tree of the router', () => {
  test('is read with every level', () => {
    const tree = '└── / (GET, HEAD)\n    ├── a/:b (POST)\n    │   └── /c (GET, HEAD)\n    └── d (PUT)\n'
    assert.deepEqual(routesOf(tree), [
      { method: 'GET', path: '/' },
      { method: 'POST', path: '/a/:b' },
      { method: 'GET', path: '/a/:b/c' },
    ])
  })
})
