/**
 * People who sign in at three applications and sign out again, for ever, and who do not give up when the server
 * dies under them: a request without an answer is sent again when the server is back (R12).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { relyingParty } from '../support/relying-party.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'
import type { CrashHistory, SessionHistory } from './crash-history.ts'

export const applications = ['wiki', 'chat', 'files'] as const

/** So many names for each person at work: a crash costs the name a guess, which its next sign-in gives back. */
const namesPerPerson = 8

/** Every name that the realm needs. */
export function usernamesFor(personCount: number): readonly string[] {
  return Array.from({ length: personCount * namesPerPerson }, (_, index) => `person-${index}`)
}

export interface CrashLoad {
  /** Nobody begins anything new; resolves when every sign-out that was begun is acknowledged. */
  finish(): Promise<void>
}

export interface LoadOptions {
  readonly issuer: string
  readonly personCount: number
  readonly history: CrashHistory
  /** Sessions begun in a second by all of them together; as many as they can by default. */
  readonly sessionsPerSecond?: number | undefined
}

const retryMs = 50
/** Answers that are none, from a server that is there: one that is away is asked until it is back. */
const refusalCountMax = 400

export function startCrashLoad(options: LoadOptions): CrashLoad {
  let isFinishing = false
  const { personCount, sessionsPerSecond } = options
  const everyMs = sessionsPerSecond === undefined ? 0 : (1000 * personCount) / sessionsPerSecond
  const live = async (person: number): Promise<void> => {
    const beganAt = performance.now() + (everyMs * person) / personCount
    for (let turn = 0; !isFinishing; turn++) {
      await wait(Math.max(0, beganAt + turn * everyMs - performance.now()))
      await liveOnce(options, person, turn)
    }
  }
  const lives = Array.from({ length: personCount }, (_, person) => live(person))
  return {
    async finish() {
      isFinishing = true
      await Promise.all(lives)
    },
  }
}

/**
 * One session from its sign-in to the proof that its door is closed. Each comes from an address of its own: a
 * guess that a crash left without an outcome counts as a wrong one, and nobody guesses here.
 */
async function liveOnce(options: LoadOptions, person: number, turn: number): Promise<void> {
  const { history } = options
  const session: SessionHistory = { members: [], isAsked: false, isAcknowledged: false, askCount: 0 }
  await using agent = createUserAgent(`127.${1 + person}.${(turn >> 7) & 255}.${1 + (turn & 127)}`)
  const hint = await signInEverywhere(
    options,
    agent,
    session,
    `person-${person * namesPerPerson + (turn % namesPerPerson)}`,
  )
  if (hint === undefined) {
    await wait(retryMs)
    return
  }
  history.sessions.push(session)
  await refreshOnce(options, session)
  session.isAsked = true
  const isByBrowser = (person + turn) % 2 === 0
  const refusals = new Map<string, number>()
  while (!session.isAcknowledged && countOf(refusals) < refusalCountMax) {
    session.askCount += 1
    session.isAcknowledged = await isAnswered(
      history,
      () => (isByBrowser ? askByBrowser(options, agent, hint) : askByToken(options, session)),
      refusals,
    )
    if (!session.isAcknowledged) await wait(retryMs)
  }
  if (session.isAcknowledged) return await tryDoors(options, session)
  const told = [...refusals].map(([text, count]) => `${count} × ${text}`).join('; ')
  history.surprises.push(`a sign-out was never acknowledged by ${isByBrowser ? 'browser' : 'token'}: ${told}`)
}

/** Every application that answered is a member; the one whose answer was lost is known to the server alone. */
async function signInEverywhere(
  { issuer, history }: LoadOptions,
  agent: UserAgent,
  session: SessionHistory,
  username: string,
): Promise<string | undefined> {
  let hint: string | undefined
  for (const clientId of applications) {
    const isIn = await isAnswered(history, async () => {
      const tokens = await relyingParty({ issuer, clientId }).signIn(agent, username)
      hint ??= tokens.id_token
      session.members.push({ clientId, sid: sidOf(tokens.id_token), refreshToken: tokens.refresh_token })
      return true
    })
    if (!isIn) break
  }
  return hint
}

/** While the session lives; what comes of it does not matter, the door is tried with the newest token. */
async function refreshOnce({ issuer, history }: LoadOptions, { members }: SessionHistory): Promise<void> {
  const [first] = members
  if (!first) return
  await isAnswered(history, async () => {
    const { status, body } = await relyingParty({ issuer, clientId: first.clientId }).refresh(
      first.refreshToken,
    )
    if (status === 200 && body.refresh_token) first.refreshToken = body.refresh_token
    return status === 200 || unexpected('refresh of a living session', status, JSON.stringify(body))
  })
}

async function askByBrowser({ issuer }: LoadOptions, agent: UserAgent, hint: string): Promise<boolean> {
  const url = relyingParty({ issuer, clientId: 'wiki' }).logoutUrl({ id_token_hint: hint })
  const answer = await agent.get(url)
  if (answer.status === 302 || answer.status === 200) return true
  return unexpected('sign-out', answer.status, answer.text)
}

async function askByToken({ issuer }: LoadOptions, { members }: SessionHistory): Promise<boolean> {
  const [first] = members
  if (!first) return true
  const { clientId, refreshToken } = first
  const answer = await relyingParty({ issuer, clientId }).post('logout', { refresh_token: refreshToken })
  if (answer.status === 204) return true
  return unexpected('legacy sign-out', answer.status, JSON.stringify(answer.body))
}

/** I1: after the acknowledgement no token of the session gets anything. */
async function tryDoors({ issuer, history }: LoadOptions, { members }: SessionHistory): Promise<void> {
  for (const { clientId, refreshToken } of members) {
    for (let isKnown = false; !isKnown; ) {
      isKnown = await isAnswered(history, async () => {
        const { status, body } = await relyingParty({ issuer, clientId }).refresh(refreshToken)
        if (status === 200) history.openDoors.push(clientId)
        else if (status === 400 && body.error === 'invalid_grant') history.refusedProbeCount += 1
        else return unexpected('refresh', status, JSON.stringify(body))
        return true
      })
      if (!isKnown) await wait(retryMs)
    }
  }
}

/** False when the connection ended instead of answering. `refusals` counts what else came in the place of an answer. */
async function isAnswered(
  history: CrashHistory,
  ask: () => Promise<boolean>,
  refusals = new Map<string, number>(),
): Promise<boolean> {
  try {
    return await ask()
  } catch (error) {
    const text = error instanceof Error ? `${error.name} ${error.message}` : String(error)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (/ECONN|EPIPE|UND_ERR_SOCKET|other side closed/.test(`${code} ${text}`)) return false
    const reason = text.slice(0, 400)
    refusals.set(reason, (refusals.get(reason) ?? 0) + 1)
    if (/\b503\b|temporarily_unavailable/.test(text)) history.unavailableCount += 1
    else if (/\b429\b/.test(text)) history.limitedCount += 1
    else history.surprises.push(reason)
    return false
  }
}

function countOf(refusals: ReadonlyMap<string, number>): number {
  return refusals.values().reduce((sum, count) => sum + count, 0)
}

/** Thrown, so that `isAnswered` alone says what counts as what. */
function unexpected(what: string, status: number, text: string): never {
  throw new Error(`${what}: ${status} ${text.slice(0, 300)}`)
}

function sidOf(idToken: string): string {
  const [, payload = ''] = idToken.split('.')
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string }).sid
}
