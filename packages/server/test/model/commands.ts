/**
 * What people, applications and administrators do. Each command does it to the real server, says what the model
 * expects of the answer, and changes the model.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { TokenAnswer, Tokens } from '../support/relying-party.ts'
import {
  type Application,
  applications,
  endPerson,
  endSession,
  type Grant,
  isAccessGood,
  isGrantGood,
  isNewest,
  isRefreshGood,
  liveSession,
  type Model,
  rotating,
  type Session,
  takeBack,
} from './model.ts'
import type { Run } from './world.ts'

type Command = fc.AsyncCommand<Model, Run>

interface Chosen {
  readonly grant: Grant
  readonly token: string
}

export function allCommands(): fc.Arbitrary<Command>[] {
  // most of it in one session: the more of them, the less happens in each
  const browser = fc.constantFrom(0, 0, 0, 0, 1, 2)
  const person = fc.constantFrom(0, 0, 1)
  const application = fc.constantFrom(...applications)
  const which = fc.nat(99)
  // the newest token more often than not
  const age = fc.constantFrom(0, 0, 0, 1, 2)
  const onGrant = (name: string, run: (model: Model, real: Run, chosen: Chosen) => Promise<void>) =>
    fc.tuple(which, age).map(([index, back]) => grantCommand(name, index, back, run))
  const signInAs = (isOffline: boolean, isReplayed: boolean) =>
    fc
      .tuple(browser, person, application)
      .map((of) =>
        command(
          `${isOffline ? 'offline ' : ''}sign-in${isReplayed ? ' and replay' : ''} ${of}`,
          (model, real) => signIn(model, real, of, { isOffline, isReplayed }),
        ),
      )
  return [
    signInAs(false, false),
    signInAs(false, false),
    signInAs(true, false),
    fc.boolean().chain((isOffline) => signInAs(isOffline, true)),
    fc
      .tuple(browser, application)
      .map((of) => command(`silent ${of}`, (model, real) => silent(model, real, of))),
    onGrant('refresh', refresh),
    onGrant('refresh', refresh),
    onGrant('look', look),
    onGrant('legacy sign-out', legacySignOut),
    onGrant('revoke', revoke),
    fc
      .tuple(browser, which)
      .map(([at, index]) =>
        grantCommand(`sign out in ${at}`, index, 0, (model, real, { grant }) =>
          signOut(model, real, at, grant),
        ),
      ),
    onGrant('administrator ends session', adminEndsSession),
    person.map((index) =>
      command(`administrator ends person ${index}`, (model, real) => adminEndsPerson(model, real, index)),
    ),
  ]
}

function command(name: string, run: (model: Model, real: Run) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name }
}

function grantCommand(
  name: string,
  index: number,
  back: number,
  run: (model: Model, real: Run, chosen: Chosen) => Promise<void>,
): Command {
  return {
    check: ({ grants }) => grants.length > 0,
    async run(model, real) {
      const grant = model.grants[index % model.grants.length] as Grant
      const token = (grant.refreshTokens.at(-1 - back) ?? grant.refreshTokens[0]) as string
      await run(model, real, { grant, token })
    },
    toString: () => `${name} #${index}-${back}`,
  }
}

type Place = readonly [browser: number, person: number, application: Application]

async function signIn(
  model: Model,
  real: Run,
  [browser, person, application]: Place,
  { isOffline, isReplayed }: { readonly isOffline: boolean; readonly isReplayed: boolean },
): Promise<void> {
  const rp = real.world.rp(application)
  const agent = real.browsers[browser]
  assert.ok(agent)
  const scope: Record<string, string> = isOffline ? { scope: 'openid offline_access' } : {}
  const callback = await rp.obtainCode(agent, real.people[person as 0 | 1].username, scope)
  const { status, body } = await rp.exchange(callback)
  assert.equal(status, 200, JSON.stringify(body))
  const grant = join(model, real, [browser, person, application], body as Tokens, isOffline)
  if (!isReplayed) return
  const replay = await rp.exchange(callback)
  assertRefused(replay)
  takeBack(model, grant)
  real.passSecond()
}

/** With a live session in the browser, whose it is does not depend on who is asked for. */
function join(
  model: Model,
  { world }: Run,
  [browser, person, application]: Place,
  tokens: Tokens,
  isOffline: boolean,
): Grant {
  let session = liveSession(model, browser)
  if (!session) {
    session = { person, isActive: true, sids: new Map(), holders: new Set() }
    model.sessions.push(session)
    model.browsers[browser] = session
  }
  const sid = tokens.session_state
  // one sid for one application in one session, and for no other
  assert.equal(session.sids.get(application) ?? sid, sid)
  if (!session.sids.has(application)) assert.equal(world.sids.has(sid), false)
  world.sids.add(sid)
  session.sids.set(application, sid)
  session.holders.add(application)
  const grant = {
    session,
    application,
    isOffline,
    idToken: tokens.id_token,
    refreshTokens: [tokens.refresh_token],
    accessTokens: [{ token: tokens.access_token, isTakenBack: false }],
    isGone: false,
  }
  model.grants.push(grant)
  return grant
}

async function silent(
  model: Model,
  real: Run,
  [browser, application]: readonly [number, Application],
): Promise<void> {
  const rp = real.world.rp(application)
  const page = await real.browsers[browser]?.get(rp.authorizationUrl({ prompt: 'none' }))
  const location = page?.location ?? ''
  const session = liveSession(model, browser)
  if (!session) {
    assert.match(location, /[?&]error=login_required/)
    return
  }
  const { status, body } = await rp.exchange(location)
  assert.equal(status, 200, `${location} ${JSON.stringify(body)}`)
  join(model, real, [browser, session.person, application], body as Tokens, false)
}

async function refresh(model: Model, real: Run, { grant, token }: Chosen): Promise<void> {
  const isGood = isRefreshGood(grant, token)
  const answer = await real.world.rp(grant.application).refresh(token)
  if (isGood) {
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const { refresh_token, access_token } = answer.body as Tokens
    grant.refreshTokens.push(refresh_token)
    grant.accessTokens.push({ token: access_token, isTakenBack: false })
    return
  }
  assertRefused(answer)
  // a rotated token that comes again: somebody has stolen one of them (RFC 9700 §4.14.2)
  if (isGrantGood(grant)) {
    takeBack(model, grant)
    real.passSecond()
  }
}

async function look(model: Model, real: Run, { grant, token }: Chosen): Promise<void> {
  const access = grant.accessTokens[grant.refreshTokens.indexOf(token)]
  assert.ok(access)
  assert.equal(await real.isActive(token), isRefreshGood(grant, token), 'refresh token at introspection')
  const isGood = isAccessGood(model, grant, access)
  assert.equal(await real.isActive(access.token), isGood, 'access token at introspection')
  assert.equal(await real.isUserKnown(access.token), isGood, 'access token at userinfo')
}

/** The hint of the browser's own session, or, in a browser without one, of any live session (SR-20). */
async function signOut(
  model: Model,
  real: Run,
  browser: number,
  { session, application, idToken }: Grant,
): Promise<void> {
  real.passSecond()
  const url = real.world.rp(application).logoutUrl({ id_token_hint: idToken })
  const page = await real.browsers[browser]?.get(url)
  const own = liveSession(model, browser)
  const isEnded = own ? own === session : session.isActive
  assert.equal(page?.status, isEnded ? 302 : 200, page?.text.slice(0, 300))
  if (isEnded) await ended(model, real, [session])
}

/** Every token of ours that names the session will do, unless it was rotated (KR-08). */
async function legacySignOut(model: Model, real: Run, { grant, token }: Chosen): Promise<void> {
  real.passSecond()
  const { application, session } = grant
  const isRotated = application === rotating && !isNewest(grant, token) && isGrantGood(grant)
  const answer = await real.world.rp(application).post('logout', { refresh_token: token })
  if (isRotated) {
    assertRefused(answer)
    for (const one of grant.isOffline ? [grant] : model.grants)
      if (one.session === session && one.application === application && one.isOffline === grant.isOffline)
        one.isGone = true
    return
  }
  assert.equal(answer.status, 204, JSON.stringify(answer.body))
  if (grant.isOffline) grant.isGone = true
  if (session.isActive) await ended(model, real, [session])
}

/** The last application that has something from the session takes it along (KV-02). */
async function revoke(model: Model, real: Run, { grant, token }: Chosen): Promise<void> {
  real.passSecond()
  const { session, application } = grant
  const { status } = await real.world.rp(application).post('revoke', { token })
  assert.equal(status, 200)
  if (!isGrantGood(grant)) return
  const others = [...session.holders].filter((other) => other !== application)
  if (!grant.isOffline && others.length === 0) return ended(model, real, [session])
  takeBack(model, grant)
  real.passSecond()
}

async function adminEndsSession(model: Model, real: Run, { grant: { session } }: Chosen): Promise<void> {
  real.passSecond()
  const [sid] = session.sids.values()
  const { status } = await real.world.root.delete(`test/sessions/${sid}`)
  assert.equal(status, session.isActive ? 204 : 404)
  if (session.isActive) await ended(model, real, [session])
}

async function adminEndsPerson(model: Model, real: Run, person: number): Promise<void> {
  real.passSecond()
  const { status } = await real.world.root.post(`test/users/${real.people[person as 0 | 1].id}/logout`)
  assert.equal(status, 204)
  for (const session of endPerson(model, person)) await real.assertTold(session)
  real.passSecond()
}

async function ended(model: Model, real: Run, sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) {
    endSession(model, session)
    await real.assertTold(session)
  }
}

/** At the end of a run nothing is left of it, whoever was not signed out before is now, and nobody was told twice. */
export async function endRun(model: Model, real: Run): Promise<void> {
  for (const person of [0, 1]) await adminEndsPerson(model, real, person)
  for (const session of model.sessions) await real.assertTold(session)
  for (const grant of model.grants) {
    const token = grant.refreshTokens.at(-1)
    if (token !== undefined) await look(model, real, { grant, token })
  }
}

export async function leaveNothing({ world, people }: Run): Promise<void> {
  for (const { id } of people) await world.root.post(`test/users/${id}/logout`)
}

function assertRefused({ status, body }: TokenAnswer): void {
  assert.deepEqual([status, body.error], [400, 'invalid_grant'], JSON.stringify(body))
}
