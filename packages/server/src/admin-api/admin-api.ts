/**
 * The administrators' HTTP interface: Keycloak's `/admin/realms/…` with its representations, and beside it
 * Curfew's own sign-outs and deliveries. No rules live here: each route reads, or calls the concept that decides.
 *
 * Terms
 * - caller: the account behind the access token; the call: the caller and the realm of the path.
 * - needs: the roles of which a route demands one; it stands at each route, and a route without is refused at start.
 *
 * Invariants
 * - No route answers to another realm's token, except that of `master` (X-12).
 * - A call that signs somebody out answers when that is committed, with a `Link` to it (keycloak-dialect.md §14.1).
 *
 * @see keycloak-dialect.md §14 (KQ-01 to KQ-34), §18.3, §20.3, §20.4
 */
import {
  errorCodes,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { jsonProblem } from '../http/json-problem.ts'
import { isObject } from '../rp/representation.ts'
import { refuse } from './admin-answer.ts'
import type { AdminApp, AdminDeps } from './admin-call.ts'
import { authorize } from './authorize.ts'
import { clientRoutes } from './client-routes.ts'
import { eventConfigRoutes } from './event-config-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { answerNotOffered } from './not-offered.ts'
import { realmListRoutes, realmRoutes } from './realm-routes.ts'
import { redeliverRoutes } from './redeliver-routes.ts'
import { roleRoutes } from './role-routes.ts'
import { serverRoutes } from './server-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { signOutRoutes } from './sign-out-routes.ts'
import { userChangeRoutes } from './user-change-routes.ts'
import { userRoutes } from './user-routes.ts'

/** A representation of Keycloak's with many attributes is some tens of KB. */
const bodyBytesMax = 1024 * 1024

/** Adds the admin API to `app`, below `/admin`. */
export function registerAdminApi(app: FastifyInstance, deps: AdminDeps): void {
  app.register(
    async (scope) => {
      const admin: AdminApp = scope.withTypeProvider()
      admin.decorateRequest('adminCall', undefined)
      acceptBodies(admin)
      acceptQuery(admin)
      admin.addHook('onRoute', ({ url, config }) => {
        if (!config?.needs) throw new Error(`the admin route ${url} does not say what it needs`)
      })
      admin.addHook('onRequest', (request, reply) =>
        authorize(deps, request, reply, deps.ambient.clock.now()),
      )
      admin.setErrorHandler(answerError)
      admin.setNotFoundHandler(answerNotOffered)
      serverRoutes(admin, deps)
      realmListRoutes(admin, deps)
      admin.register(async (realm) => routesOfRealm(realm.withTypeProvider(), deps), {
        prefix: '/realms/:realm',
      })
    },
    { prefix: '/admin' },
  )
}

function routesOfRealm(app: AdminApp, deps: AdminDeps): void {
  realmRoutes(app, deps)
  userRoutes(app, deps)
  userChangeRoutes(app, deps)
  sessionRoutes(app, deps)
  clientRoutes(app, deps)
  keyRoutes(app, deps)
  roleRoutes(app, deps)
  eventRoutes(app, deps)
  eventConfigRoutes(app, deps)
  signOutRoutes(app, deps)
  redeliverRoutes(app, deps)
}

/**
 * KQ-32: Keycloak's clients send `application/json` with an empty body, and a body where none is expected. An
 * empty one is none; one of another media type is not read. A member that is null counts as absent, as in
 * Keycloak: `"enabled": null` must not disable anybody.
 */
function acceptBodies(app: AdminApp): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('remove', 'remove')
  const options = { parseAs: 'string', bodyLimit: bodyBytesMax } as const
  app.addContentTypeParser<string>('application/json', options, (request, body, done) =>
    body === '' ? done(null, undefined) : parse(request, body, done),
  )
  app.addHook('preValidation', async (request) => {
    const { body } = request
    const problem = jsonProblem(body)
    if (problem) throw new errorCodes.FST_ERR_VALIDATION(`the body ${problem}`)
    if (isObject(body))
      request.body = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
  })
  app.addContentTypeParser<string>('*', options, (_request, _body, done) => done(null))
}

/**
 * python-keycloak writes its booleans as Python does (`exact=True`); Keycloak reads them in any case. A number is
 * written in digits: the validator takes `1e309` for a whole number without end, and no bound applies to that.
 */
function acceptQuery(app: AdminApp): void {
  app.addHook('preValidation', async (request) => {
    const { querystring } = (request.routeOptions.schema ?? {}) as {
      querystring?: { properties?: Readonly<Record<string, { type?: string }>> }
    }
    const query = request.query as Record<string, unknown>
    for (const [name, { type }] of Object.entries(querystring?.properties ?? {})) {
      const value = query[name]
      if (typeof value !== 'string') continue
      if (type === 'boolean') query[name] = value.toLowerCase()
      if (type === 'integer' && !/^-?\d{1,15}$/.test(value))
        throw new errorCodes.FST_ERR_VALIDATION(`querystring/${name} must be integer`)
    }
  })
}

/** What the caller did wrong in Keycloak's shape; our own faults go to the error handler of `http/`. */
function answerError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.validation) return refuse(reply, 400, `${error.validationContext}: ${error.message}`)
  if (error.statusCode === 413)
    return refuse(reply, 413, `The body is larger than ${bodyBytesMax / 1024} KB.`)
  if (error.statusCode !== undefined && error.statusCode < 500) return refuse(reply, 400, error.message)
  throw error
}
