/**
 * Wiki: Express with express-openid-connect, as its authors publish it. Back-channel logout is one setting and
 * one store; the rest of this file is the page.
 */

import { createHash } from 'node:crypto'
import {
  applicationSettings,
  asset,
  createBreakSwitch,
  createLivePages,
  type Look,
  page,
  pageHeaders,
  startPageHeaders,
} from '@curfew-example/application'
import express from 'express'
import { auth } from 'express-openid-connect'
import { createStore } from './store.ts'

const look: Look = {
  name: 'Wiki',
  tagline: 'What everybody here knows, written down.',
  colour: '#2457a6',
  content:
    '<ul><li><strong>Welcome</strong> · where to begin</li><li><strong>On call</strong> · who, when, and the number</li><li><strong>Kitchen</strong> · how the machine is cleaned</li></ul>',
}

const { issuer, clientId, clientSecret, port, baseUrl } = applicationSettings({
  clientId: 'wiki',
  port: 8081,
})
const breakSwitch = createBreakSwitch()
const livePages = createLivePages()
const application = express()

application.disable('x-powered-by')

application.get(['/application.css', '/application.js', '/look.css'], (request, response) => {
  const found = asset(request.path, look)
  response.type(found?.type ?? 'text').send(found?.body)
})

application.get('/live', (_request, response) => livePages.join(response))

application.post('/break', express.urlencoded({ extended: false }), (request, response) => {
  if (breakSwitch.set(request.body?.mode)) response.redirect(303, '/')
  else response.status(400).send('No such mode.')
})

application.post('/backchannel-logout', (_request, response, next) => {
  if (breakSwitch.answerInstead(response)) return
  response.on('finish', livePages.lookAgain)
  next()
})

application.use(
  auth({
    issuerBaseURL: issuer,
    baseURL: baseUrl,
    clientID: clientId,
    clientSecret,
    secret: createHash('sha256').update(`cookies of wiki ${clientSecret}`).digest('hex'),
    authRequired: false,
    idpLogout: true,
    authorizationParams: { response_type: 'code', scope: 'openid profile email' },
    session: { name: 'wiki', store: createStore() },
    transactionCookie: { name: 'wiki_sign_in' },
    backchannelLogout: true,
    enableTelemetry: false,
  }),
)

application.get('/sign-in', (_request, response) => response.oidc.login({ returnTo: '/' }))
application.post('/sign-out', (_request, response) => response.oidc.logout())

const stateOf = ({ oidc }: express.Request): { signedIn: boolean; name: string } => ({
  signedIn: oidc.isAuthenticated(),
  name: oidc.user?.['name'] ?? oidc.user?.['preferred_username'] ?? '',
})

application.get('/state', (request, response) => {
  response
    .set({ 'cache-control': 'no-store', ...startPageHeaders(request.headers.origin) })
    .json(stateOf(request))
})

application.get('/', (request, response) => {
  response.set(pageHeaders).send(page(look, stateOf(request), breakSwitch.mode))
})

const server = application.listen(port, '127.0.0.1', () => console.log(`Wiki: ${baseUrl}`))

process.once('SIGTERM', () => {
  livePages.close()
  server.close()
  server.closeAllConnections()
})
