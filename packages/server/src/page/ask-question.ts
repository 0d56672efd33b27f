/** Shows the question before a sign-out. To a browser without the session nothing is said about it (SR-20). */
import type { FastifyReply } from 'fastify'
import { findAccountById } from '../account/find-account.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import { countOtherSessions } from '../session/count-account-sessions.ts'
import { readClientSessions } from '../session/read-client-sessions.ts'
import { readSession } from '../session/read-session.ts'
import type { ReturnTo } from '../sign-out/trigger/decide-end-session.ts'
import { askEndSession } from '../sign-out/trigger/end-session-question.ts'
import { type ConfirmPage, confirmPage } from './confirm-page.ts'
import { localUrl } from './html.ts'
import { frameOf, sendPage } from './page-answer.ts'
import { endSessionPath } from './page-path.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface AskedQuestion {
  readonly sessionUid: string
  readonly clientId: string | undefined
  readonly returnTo: ReturnTo | undefined
  readonly isForSomebodyElse: boolean
  readonly isWithoutCookie: boolean
  /** KL-36: the answer to the question before came too late. */
  readonly isAskedAgain?: boolean
}

export async function askQuestion(call: SignOutCall, asked: AskedQuestion): Promise<FastifyReply> {
  const { deps, realm, request, reply, parameters, at } = call
  const { sessionUid, clientId, returnTo, isForSomebodyElse, isWithoutCookie } = asked
  const question = { sessionUid, clientId, returnTo, isForSomebodyElse, isWithoutCookie, askedAt: at }
  const token = await askEndSession(deps, realm, {
    ...question,
    state: parameters.state,
    uiLocales: parameters.ui_locales,
  })
  const known = isWithoutCookie ? nothingKnown : await readKnown(call, asked)
  const asking =
    clientId === undefined ? undefined : { application: nameOf(realm, clientId), isForSomebodyElse }
  const frame = frameOf(deps.settings, realm, request, {
    uiLocales: parameters.ui_locales,
    accountLocale: known.locale,
  })
  const page = confirmPage(
    frame,
    {
      ...known,
      action: localUrl(`${endSessionPath(realm)}/logout-confirm`),
      token,
      asking,
      isAskedAgain: asked.isAskedAgain ?? false,
    },
    at,
  )
  return sendPage(reply, deps.settings, 200, page, {
    redirectUri: returnTo?.isFollowed ? returnTo.uri : undefined,
  })
}

type Known = Pick<ConfirmPage, 'account' | 'applications' | 'leaveOne' | 'otherDeviceCount'> & {
  readonly locale: string | undefined
}

const nothingKnown: Known = {
  account: undefined,
  applications: [],
  leaveOne: undefined,
  otherDeviceCount: 0,
  locale: undefined,
}

async function readKnown(
  { deps, realm, at }: SignOutCall,
  { sessionUid, clientId }: AskedQuestion,
): Promise<Known> {
  const on = deps.store.read
  const session = await readSession(on, sessionUid)
  if (!session) return nothingKnown
  const { accountId } = session
  const [members, account, otherDeviceCount] = await Promise.all([
    readClientSessions(on, sessionUid),
    findAccountById(on, realm.id, accountId),
    countOtherSessions(on, { realmId: realm.id, accountId, exceptSessionUid: sessionUid }, at),
  ])
  const open = members.filter((member) => member.endedAt === undefined)
  const isMember = open.some((member) => member.clientId === clientId)
  return {
    account: account?.username,
    applications: open.map((member) => ({
      name: nameOf(realm, member.clientId),
      lastActiveAt: member.lastActiveAt,
    })),
    leaveOne:
      realm.settings.leaveOneApplication && isMember && clientId ? nameOf(realm, clientId) : undefined,
    otherDeviceCount,
    locale: account?.attributes['locale']?.[0],
  }
}

function nameOf(realm: Realm, clientId: string): string {
  return applicationName(realm.clients.get(clientId), clientId)
}
