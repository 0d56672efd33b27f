/**
 * What came of a sign-out: the page, its stream and its status as JSON (experience.md §7.4, §8.2). There is no
 * session any more, so the right to look is a short-lived cookie beside the unguessable id.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { readSignOut, type SignOutView } from '../delivery/read-sign-out.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import { countOtherSessions } from '../session/count-account-sessions.ts'
import { signOut } from '../sign-out/sign-out.ts'
import { readFrames } from '../sign-out/trigger/read-frames.ts'
import { findResultTicket, type ResultTicket } from '../sign-out/trigger/sign-out-result.ts'
import { answerSignedOut } from './answer-signed-out.ts'
import { frameAddress, framesPage } from './frames-page.ts'
import { localUrl, registeredUrl } from './html.ts'
import { formOf, frameOf, isFromOtherSite, realmOfPage, sendErrorPage, sendPage } from './page-answer.ts'
import { readCookie, resultCookieName } from './page-cookie.ts'
import { resultPath } from './page-path.ts'
import { type ResultPage, resultPage } from './result-page.ts'
import { resultOf, statusOf } from './result-rows.ts'
import { createResultStreams } from './result-stream.ts'
import { type ApplicationLink, applicationLink, type SignOutPageDeps } from './sign-out-call.ts'

interface ResultCall {
  readonly deps: SignOutPageDeps
  readonly realm: Realm
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly ticket: ResultTicket
  readonly view: SignOutView
  /** The value of the ticket's cookie. */
  readonly cookie: string
  readonly at: Instant
}

export function registerResultPages(app: FastifyInstance, deps: SignOutPageDeps): void {
  const path = '/realms/:realm/sign-out/:id'
  const streams = createResultStreams(deps)
  app.addHook('preClose', async () => streams.closeAll())
  const route = (answer: (call: ResultCall) => FastifyReply | Promise<FastifyReply>) => {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const call = await openCall(deps, request, reply)
      return call ? answer(call) : reply
    }
  }
  app.get(path, route(showResult))
  app.get(`${path}/frames`, route(showFrames))
  app.get(`${path}/status`, route(sendStatus))
  app.get(
    `${path}/events`,
    route(({ realm, reply, view, ...call }) =>
      streams.open(reply, {
        signOutId: view.id,
        read: async () => {
          const now = await readSignOut(call.deps.store.read, view.id)
          return resultOf(realm, now ?? view, call.deps.ambient.clock.now())
        },
      }),
    ),
  )
  app.post(`${path}/devices`, route(endOtherDevices))
}

async function openCall(
  deps: SignOutPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ResultCall | undefined> {
  const realm = await realmOfPage(deps, request, reply)
  if (!realm) return undefined
  const at = deps.ambient.clock.now()
  const { id: signOutId } = request.params as { id: string }
  const cookie = readCookie(request, resultCookieName(realm))
  const ticket = await findResultTicket(deps.store.read, realm, { cookie, signOutId }, at)
  const view = ticket && (await readSignOut(deps.store.read, signOutId))
  if (ticket && view && cookie) return { deps, realm, request, reply, ticket, view, cookie, at }
  sendErrorPage({ settings: deps.settings, realm, request, reply }, { kind: 'missing' })
  return undefined
}

async function showResult(call: ResultCall): Promise<FastifyReply> {
  const { deps, realm, request, reply, ticket, view, at } = call
  const frame = frameOf(deps.settings, realm, request, { uiLocales: ticket.uiLocales })
  const page: ResultPage = {
    ...resultOf(realm, view, at),
    reference: view.id.slice(0, 'so_'.length + 6),
    back: backOf(realm, ticket),
    goOnSeconds: ticket.rule === 'always' || !ticket.backTo ? undefined : realm.settings.resultPauseSeconds,
    otherDevices: await otherDevices(call),
  }
  return sendPage(reply, deps.settings, 200, resultPage(frame, page), { isLive: true })
}

/** The return address of the request, else the application's own registered page (KL-45). */
function backOf(realm: Realm, { backTo, clientId }: ResultTicket): ApplicationLink | undefined {
  const client = realm.clients.get(clientId ?? '')
  if (backTo === undefined) return applicationLink(client)
  const name = clientId === undefined ? new URL(backTo).host : applicationName(client, clientId)
  return { application: name, url: registeredUrl(backTo) }
}

async function otherDevices(call: ResultCall): Promise<ResultPage['otherDevices']> {
  const { deps, realm, ticket, view, at } = call
  if (ticket.accountId === undefined || view.scope !== 'session') return undefined
  const of = { realmId: realm.id, accountId: ticket.accountId, exceptSessionUid: view.sessionUid }
  const count = await countOtherSessions(deps.store.read, of, at)
  if (count === 0) return undefined
  return { action: localUrl(`${resultPath(realm, view.id)}/devices`), token: formToken(call), count }
}

/** Ends the person's other sessions; the result of that sign-out comes next. */
async function endOtherDevices(call: ResultCall): Promise<FastifyReply> {
  const { deps, realm, request, reply, ticket, view, at } = call
  const form = formOf(request)
  const { accountId, clientId } = ticket
  if (isFromOtherSite(request) || form.get('token') !== formToken(call) || accountId === undefined) {
    return sendErrorPage({ ...call, settings: deps.settings }, { kind: 'form' })
  }
  const result = await signOut(deps, {
    realmId: realm.id,
    scope: {
      kind: 'account',
      accountId,
      ...(view.sessionUid === undefined ? {} : { exceptSessionUid: view.sessionUid }),
    },
    kind: 'ordinary',
    cause: 'result_page',
    initiator: 'user',
    actor: { accountId, clientId, ipAddress: request.ip },
    hasBrowser: false,
  })
  if (!result.ok) return sendErrorPage({ ...call, settings: deps.settings }, { kind: 'missing' })
  const parameters = ticket.uiLocales === undefined ? {} : { ui_locales: ticket.uiLocales }
  const done = {
    signOutId: result.signOutId,
    accountId,
    clientId,
    returnTo: undefined,
    endedSessionUid: undefined,
    isOneSession: false,
  }
  return answerSignedOut({ deps, realm, request, reply, parameters, at }, done)
}

/** The Lax cookie does not come with a post from elsewhere; this says that the page was seen. */
function formToken({ cookie, view }: ResultCall): string {
  return createHash('sha256').update(`devices\n${view.id}\n${cookie}`).digest('base64url')
}

async function showFrames(call: ResultCall): Promise<FastifyReply> {
  const { deps, realm, request, reply, ticket, view } = call
  const targets = await readFrames(deps.store.read, view.id)
  const frames = targets.flatMap((target) => frameAddress(target) ?? [])
  const next =
    ticket.rule === 'never' && ticket.backTo
      ? registeredUrl(ticket.backTo)
      : localUrl(resultPath(realm, view.id))
  const frame = frameOf(deps.settings, realm, request, { uiLocales: ticket.uiLocales })
  const frameOrigins = frames.map((address) => address.address)
  return sendPage(reply, deps.settings, 200, framesPage(frame, { frames, next }), {
    isLive: true,
    frameOrigins,
  })
}

function sendStatus({ deps, realm, reply, view }: ResultCall): FastifyReply {
  const result = resultOf(realm, view, deps.ambient.clock.now())
  return reply.header('cache-control', 'no-store').send(statusOf(result))
}
