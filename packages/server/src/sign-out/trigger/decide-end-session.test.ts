import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decideEndSession, type EndSessionFacts } from './decide-end-session.ts'

const bare: EndSessionFacts = {
  hint: { kind: 'none' },
  clientId: undefined,
  isClientKnown: false,
  isAlwaysAsked: false,
  browserSessionUid: undefined,
  redirect: { kind: 'none' },
}
const wiki = { clientId: 'wiki', isClientKnown: true } as const
const uri = 'https://wiki.example/bye'
const exact = { kind: 'modern', uri, match: 'exact' } as const
const wildcard = { kind: 'modern', uri, match: 'wildcard' } as const
const unregistered = { kind: 'modern', uri: 'https://evil.example/', match: undefined } as const
const legacy = { kind: 'legacy', uri, match: { clientId: 'wiki', how: 'exact' } } as const
const here = { browserSessionUid: 's1' } as const
const followed = { uri, isFollowed: true, clientId: 'wiki' }
const linked = { uri, isFollowed: false, clientId: 'wiki' }

function hint(
  of: { session?: string | undefined; isAlive?: boolean; isExpired?: boolean; clientId?: string } = {},
) {
  const uid = 'session' in of ? of.session : 's1'
  return {
    hint: {
      kind: 'good',
      clientId: of.clientId ?? 'wiki',
      isExpired: of.isExpired ?? false,
      session: uid === undefined ? undefined : { uid, isAlive: of.isAlive ?? true },
    },
    isClientKnown: true,
  } as const
}

const badHint = { hint: { kind: 'bad', fault: { reason: 'signature_invalid' } } } as const

/** Title, facts, the members of the decision that matter. */
const rows: readonly (readonly [string, Partial<EndSessionFacts>, Record<string, unknown>])[] = [
  // who is asked, and who is not (SR-20)
  [
    'a verified hint of the browser’s own session ends it without a question (KL-31, RIL-05, SR-20)',
    { ...hint(), ...here },
    { kind: 'sign_out_now', sessionUid: 's1' },
  ],
  [
    'an expired hint of the browser’s own session is as good (KL-01, RIL-05)',
    { ...hint({ isExpired: true }), ...here },
    { kind: 'sign_out_now', sessionUid: 's1' },
  ],
  [
    'client_id that equals the hint’s client changes nothing (RIL-09)',
    { ...hint(), ...wiki, ...here },
    { kind: 'sign_out_now' },
  ],
  [
    'no hint: the question is asked (RIL-16, RIL-26, KL-30, KL-35)',
    here,
    { kind: 'confirm', sessionUid: 's1', isForSomebodyElse: false, isWithoutCookie: false },
  ],
  [
    'client_id alone proves nothing: the question is asked (RIL-15, RIL-26)',
    { ...wiki, ...here },
    { kind: 'confirm' },
  ],
  [
    'an unknown client_id forces the question (KL-02, KL-11)',
    { clientId: 'gone', ...here },
    { kind: 'confirm', isForSomebodyElse: false },
  ],
  [
    'a hint of another session: the question is about the browser’s own (KL-32, RIL-16)',
    { ...hint({ session: 's2' }), ...here },
    { kind: 'confirm', sessionUid: 's1', isForSomebodyElse: true },
  ],
  [
    'a hint of an older, ended session: likewise (KL-41)',
    { ...hint({ session: 's0', isAlive: false }), ...here },
    { kind: 'confirm', sessionUid: 's1', isForSomebodyElse: true },
  ],
  [
    'a hint whose sid maps to nothing never ends the session that is open (RIL-06)',
    { ...hint({ session: undefined }), ...here },
    { kind: 'confirm', isForSomebodyElse: true },
  ],
  [
    'a client or realm that wants the question always gets it (KL-34, RIL-15)',
    { ...hint(), ...here, isAlwaysAsked: true },
    { kind: 'confirm', isForSomebodyElse: false },
  ],
  [
    'a hint whose client was deleted proves nothing (KL-16)',
    { ...hint(), ...here, isClientKnown: false },
    { kind: 'confirm' },
  ],
  // no cookie
  [
    'an application’s back end with a current hint ends that session without a person (KL-43, SR-20, KK-64)',
    hint(),
    { kind: 'sign_out_now', sessionUid: 's1' },
  ],
  [
    'with an expired hint it asks, and tells nothing of the session (KL-43, SR-20)',
    hint({ isExpired: true }),
    { kind: 'confirm', sessionUid: 's1', isWithoutCookie: true },
  ],
  [
    'a hint of an ended session is a success without a question (KL-40, RIL-06, RIL-24, SR-20)',
    hint({ isAlive: false }),
    { kind: 'already_signed_out', isHintOfEndedSession: true },
  ],
  [
    'a hint of a session of which nothing is kept, likewise (RIL-06, RIL-24)',
    hint({ session: undefined }),
    { kind: 'already_signed_out', isHintOfEndedSession: true },
  ],
  [
    'nothing at all: nobody is signed in, which is not an error (RIL-24)',
    {},
    { kind: 'already_signed_out', returnTo: undefined, isHintOfEndedSession: false },
  ],
  [
    'a client that wants the question gets it without a cookie too (KL-34)',
    { ...hint(), isAlwaysAsked: true },
    { kind: 'confirm', isWithoutCookie: true },
  ],
  // where to go afterwards
  [
    'an exact redirect with a hint is followed (RIL-13, RIL-20, KL-44)',
    { ...hint(), ...here, redirect: exact },
    { kind: 'sign_out_now', returnTo: followed },
  ],
  [
    'a wildcard redirect with a verified hint is followed (KL-22, SR-22)',
    { ...hint(), ...here, redirect: wildcard },
    { returnTo: followed },
  ],
  [
    'a fragment that came with a wildcard match is dropped (KL-22)',
    { ...hint(), ...here, redirect: { ...wildcard, uri: `${uri}#/admin` } },
    { returnTo: followed },
  ],
  [
    'likewise with the old redirect_uri (KL-22, KL-52)',
    {
      ...here,
      redirect: { kind: 'legacy', uri: `${uri}#/admin`, match: { clientId: 'wiki', how: 'wildcard' } },
    },
    { returnTo: followed },
  ],
  [
    'an exact address keeps its fragment (KL-21)',
    { ...hint(), ...here, redirect: { ...exact, uri: `${uri}#bye` } },
    { returnTo: { ...followed, uri: `${uri}#bye` } },
  ],
  [
    'a wildcard redirect without a hint is a link (SR-22, RIL-19)',
    { ...wiki, ...here, redirect: wildcard },
    { kind: 'confirm', returnTo: linked },
  ],
  [
    'an exact redirect with client_id is followed after the confirmation (RIL-19)',
    { ...wiki, ...here, redirect: exact },
    { kind: 'confirm', returnTo: followed },
  ],
  [
    'no session, client_id and an exact redirect: a plain redirect (KL-33)',
    { ...wiki, redirect: exact },
    { kind: 'already_signed_out', returnTo: followed, isHintOfEndedSession: false },
  ],
  [
    'no session, client_id and a wildcard redirect: a page with a link (KL-33, SR-22)',
    { ...wiki, redirect: wildcard },
    { kind: 'already_signed_out', returnTo: linked },
  ],
  [
    'an ended session with a redirect: still redirected (KL-40)',
    { ...hint({ isAlive: false }), redirect: exact },
    { kind: 'already_signed_out', returnTo: followed, isHintOfEndedSession: true },
  ],
  // refused, with nothing changed
  [
    'a redirect with neither hint nor client_id (KL-03, KL-10, RIL-12, RIL-19)',
    { ...here, redirect: exact },
    { kind: 'refuse', refusal: 'client_missing' },
  ],
  [
    'a hint that cannot be verified (KL-12, RIL-04, RIL-08, RIL-23)',
    { ...badHint, ...here },
    { kind: 'refuse', refusal: 'hint_bad' },
  ],
  [
    'a bad hint is refused also when client_id is right (RIL-23)',
    { ...badHint, ...wiki, ...here },
    { kind: 'refuse', refusal: 'hint_bad' },
  ],
  [
    'client_id that is not the hint’s client (KL-13, RIL-09)',
    { ...hint(), clientId: 'chat', ...here },
    { kind: 'refuse', refusal: 'client_mismatch' },
  ],
  [
    'an unknown client with a redirect (KL-11, KL-14, RIL-25)',
    { clientId: 'gone', ...here, redirect: unregistered },
    { kind: 'refuse', refusal: 'client_unknown' },
  ],
  [
    'a deleted client with a redirect (KL-16)',
    { ...hint(), isClientKnown: false, ...here, redirect: unregistered },
    { kind: 'refuse', refusal: 'client_unknown' },
  ],
  [
    'an unregistered redirect (KL-14, RIL-20, RIL-25, THR-02)',
    { ...hint(), ...here, redirect: unregistered },
    { kind: 'refuse', refusal: 'redirect_not_registered' },
  ],
  [
    'an unregistered redirect with nobody signed in is refused as well (RIL-25)',
    { ...wiki, redirect: unregistered },
    { kind: 'refuse', refusal: 'redirect_not_registered' },
  ],
  // the old redirect_uri
  [
    'the old redirect_uri always asks, and is followed afterwards (KL-50, KL-51, KL-52)',
    { ...here, redirect: legacy },
    { kind: 'confirm', returnTo: followed },
  ],
  [
    'it asks even with a hint, because requests of that form prove nothing (KL-51)',
    { ...hint(), ...here, redirect: legacy },
    { kind: 'confirm', isForSomebodyElse: false },
  ],
  [
    'without a session it is a link, never followed (KL-53)',
    { redirect: legacy },
    { kind: 'already_signed_out', returnTo: linked },
  ],
  [
    'an old redirect_uri that nobody registered (KL-53)',
    { ...here, redirect: { ...legacy, match: undefined } },
    { kind: 'refuse', refusal: 'redirect_not_registered' },
  ],
]

describe('what an end-session request may do', () => {
  for (const [title, facts, expected] of rows) {
    test(title, () => {
      const decision = decideEndSession({ ...bare, ...facts }) as unknown as Record<string, unknown>
      const relevant = Object.fromEntries(Object.keys(expected).map((key) => [key, decision[key]]))
      assert.deepEqual(relevant, expected)
    })
  }

  test('whatever is asked, no session is ended without a question unless the hint is good and its client known', () => {
    for (const facts of everyCombination()) {
      const decision = decideEndSession(facts)
      if (decision.kind !== 'sign_out_now') continue
      assert.ok(facts.hint.kind === 'good' && facts.isClientKnown && !facts.isAlwaysAsked)
      assert.equal(decision.sessionUid, facts.hint.session?.uid)
      if (facts.browserSessionUid !== undefined) assert.equal(decision.sessionUid, facts.browserSessionUid)
      else assert.equal(facts.hint.isExpired, false)
    }
  })

  test('whatever is asked, no redirect is followed that is not registered', () => {
    for (const facts of everyCombination()) {
      const decision = decideEndSession(facts)
      const returnTo = decision.kind === 'refuse' ? undefined : decision.returnTo
      if (returnTo === undefined) continue
      assert.ok(facts.redirect.kind !== 'none' && facts.redirect.match)
      assert.equal(returnTo.uri, facts.redirect.uri)
    }
  })
})

function* everyCombination(): Generator<EndSessionFacts> {
  const hints = [
    bare.hint,
    badHint.hint,
    ...[true, false].flatMap((isAlive) =>
      [true, false].flatMap((isExpired) =>
        ['s1', 's2', undefined].map((session) => hint({ session, isAlive, isExpired }).hint),
      ),
    ),
  ]
  const redirects = [bare.redirect, exact, wildcard, unregistered, legacy, { ...legacy, match: undefined }]
  for (const one of hints)
    for (const redirect of redirects)
      for (const clientId of [undefined, 'wiki', 'chat'])
        for (const isClientKnown of [true, false])
          for (const isAlwaysAsked of [true, false])
            for (const browserSessionUid of [undefined, 's1'])
              yield { hint: one, redirect, clientId, isClientKnown, isAlwaysAsked, browserSessionUid }
}
