/** Our own protocol endpoints beside the engine's (engine.md §4), registered in one place. */
import type { FastifyInstance } from 'fastify'
import { registerClientRedirect } from './client-redirect.ts'
import { registerDiscovery } from './discovery.ts'
import { type IntrospectionDeps, registerIntrospection } from './introspection.ts'
import { registerRealmInfo } from './realm-info.ts'
import { registerRevocation } from './revocation.ts'
import { registerCookieProbe } from './session-frame/cookie-probe.ts'
import { registerSessionFrame } from './session-frame/session-frame.ts'
import { registerUserinfo } from './userinfo.ts'

export function registerOwnEndpoints(app: FastifyInstance, deps: IntrospectionDeps): void {
  registerUserinfo(app, deps)
  registerIntrospection(app, deps)
  registerRevocation(app, deps)
  registerRealmInfo(app, deps)
  registerClientRedirect(app, deps)
  registerDiscovery(app, deps)
  registerCookieProbe(app, deps)
  registerSessionFrame(app, deps)
}
