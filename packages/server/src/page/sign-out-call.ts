/** What the steps of the end-session endpoint have in common: the request, and who answers it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { randomId } from '../ambient/random.ts'
import type { SignOutFeed } from '../delivery/feed.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { LegacyLogoutDeps } from '../op/legacy-logout.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName, type Client } from '../rp/client.ts'
import {
  type EndSessionError,
  type EndSessionErrorContext,
  endSessionErrorEvent,
} from '../sign-out/trigger/end-session-event.ts'
import type { EndSessionParameters, EndSessionSettings } from '../sign-out/trigger/read-end-session-facts.ts'
import { type SafeUrl, webUrl } from './html.ts'
import type { PageSettings } from './page-answer.ts'

/** A POST with `refresh_token` goes to `op/legacy-logout.ts`, hence its needs. */
export interface SignOutPageDeps extends LegacyLogoutDeps {
  readonly feed: Pick<SignOutFeed, 'waitFirstRound' | 'watch'>
  readonly settings: PageSettings & Partial<EndSessionSettings>
}

export interface SignOutCall {
  readonly deps: SignOutPageDeps
  readonly realm: Realm
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly parameters: Pick<EndSessionParameters, 'state' | 'ui_locales' | 'client_id'>
  readonly at: Instant
}

/** Records a LOGOUT_ERROR and returns the reference that stands on the page and in the event. */
export function recordRefusal(
  { deps, realm, request, at }: Omit<SignOutCall, 'parameters' | 'reply'>,
  error: EndSessionError,
  context: Omit<EndSessionErrorContext, 'ipAddress'>,
): string {
  const reference = randomId(deps.random, 'er_', 48)
  const event = endSessionErrorEvent(realm, error, { ...context, ipAddress: request.ip })
  const details = { ...event.details, reference }
  void recordEventAlone(deps, deps.store, { ...event, details }, at)
  return reference
}

/** An application with its name and its own registered address, as a link. */
export interface ApplicationLink {
  readonly application: string
  readonly url: SafeUrl
}

export function applicationLink(client: Client | undefined): ApplicationLink | undefined {
  if (!client || client.isDeleted) return undefined
  const { baseUrl, rootUrl } = client
  const address = baseUrl?.startsWith('/')
    ? `${rootUrl?.replace(/\/$/, '') ?? ''}${baseUrl}`
    : (baseUrl ?? rootUrl)
  const url = webUrl(address)
  return url && { application: applicationName(client, client.clientId), url }
}
