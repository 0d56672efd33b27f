/**
 * The probe whether this browser gives a frame of ours its cookies when another site frames it. Step 1 sets a
 * cookie with the attributes of the session cookie and moves on; step 2 sees whether it came back and posts one
 * of two words to its parent (KI-12, KK-26). The words say nothing of the person, so any page may have them.
 */
import type { FastifyInstance } from 'fastify'
import { readCookie } from '../../http/read-cookie.ts'
import { type EndpointDeps, protocolPath, realmOf } from '../endpoint.ts'
import { probeCookie } from './frame-cookie.ts'
import { sendFramePage } from './frame-page.ts'

const lifetimeSeconds = 60

export function registerCookieProbe(
  app: FastifyInstance,
  deps: Pick<EndpointDeps, 'realms' | 'ambient'>,
): void {
  app.get(`${protocolPath}/3p-cookies/step1.html`, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    const { name, attributes } = probeCookie(realm)
    reply.header('cache-control', 'no-store')
    reply.header('set-cookie', `${name}=1; Max-Age=${lifetimeSeconds}${attributes}`)
    return sendFramePage(reply, deps.ambient.random, { title: 'Cookie probe', script: step1, values: {} })
  })

  app.get(`${protocolPath}/3p-cookies/step2.html`, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    const { name, attributes } = probeCookie(realm)
    const word = readCookie(request.headers.cookie, name) === '1' ? 'supported' : 'unsupported'
    reply.header('cache-control', 'no-store')
    reply.header('set-cookie', `${name}=; Max-Age=0${attributes}`)
    return sendFramePage(reply, deps.ambient.random, {
      title: 'Cookie probe',
      script: step2,
      values: { word },
    })
  })
}

const step1 = `function () { location.replace('step2.html') }`
const step2 = `function (values) { parent.postMessage(values.word, '*') }`
