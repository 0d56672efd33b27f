/** What the application says about the token, and what it does with it (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const applicationReasons = {
  'app.accepts_anything': {
    title: 'it answers 200 with a page to an empty call',
    severity: 'error',
    who: 'application_owner',
    cause:
      'A catch-all of a single-page application, or a login page with status 200: the sign-out route does not exist.',
    remedy: 'Put the route before the catch-all.',
  },
  'app.accepts_forged': {
    title: 'it accepts a token that this server has not signed',
    severity: 'error',
    who: 'application_owner',
    cause: 'The signature is not verified, so anybody can sign people out.',
    remedy: 'A security fault: verify the token, most easily with a kit.',
  },
  'app.rejects_signature': {
    title: 'it does not accept the signature of the token',
    severity: 'error',
    who: 'application_owner',
    cause: 'It has old keys, cannot fetch the new ones, or expects another algorithm.',
    remedy:
      'Test its way to the key set of this server; after a rotation wait for its cache. Where it expects another algorithm, set it for the client (id.token.signed.response.alg).',
    foreign: {
      java: ['SignatureVerificationException'],
      other: [
        'signature verification failed',
        'no matching key',
        'JWKSNoMatchingKey',
        'ERR_JWKS_NO_MATCHING_KEY',
      ],
    },
  },
  'app.rejects_issuer': {
    title: 'it does not accept the issuer of the token',
    severity: 'error',
    who: 'application_owner',
    cause: 'It knows this server under another name, mostly an internal one.',
    remedy: 'Use one name everywhere: CURFEW_URL here, or the issuer in the application.',
    foreign: { other: ['unexpected "iss" claim value', 'Invalid issuer', 'InvalidIssuerError'] },
  },
  'app.rejects_audience': {
    title: 'it does not accept the audience of the token',
    severity: 'error',
    who: 'application_owner',
    cause: 'It is configured with another client id.',
    remedy: 'Compare the client id on both sides.',
    foreign: { other: ['unexpected "aud" claim value', 'InvalidAudienceError'] },
  },
  'app.rejects_typ': {
    title: 'it does not accept the type of the token',
    severity: 'error',
    who: 'application_owner',
    cause: 'Its library insists on JWT, or on logout+jwt.',
    remedy: 'Set curfew.logout.token.typ for the client to what it wants.',
    foreign: { other: ['unexpected "typ" JWT header value', 'invalid JWT typ'] },
  },
  'app.rejects_time': {
    title: 'it finds the token too old or too new',
    severity: 'error',
    who: 'application_owner',
    cause: 'Its clock or this one is off.',
    remedy: 'Set both by NTP; the finding says by how much they differ.',
    foreign: {
      other: [
        '"exp" claim timestamp check failed',
        'ExpiredSignatureError',
        'token is expired',
        'ImmatureSignatureError',
      ],
    },
  },
  'app.rejects_sid': {
    title: 'it does not know the session of the token, or wants none named',
    severity: 'error',
    who: 'application_owner',
    cause: 'An unknown session is a success by the specification; some libraries answer with an error.',
    remedy:
      'Where it answers 400 for an unknown session, set curfew.logout.unknown.session to signed-out for the client.',
    foreign: { other: ['unknown session', 'session not found', 'sid required'] },
  },
  'app.rejects_sub': {
    title: 'it does not accept the subject of the token',
    severity: 'error',
    who: 'application_owner',
    cause: 'It refuses sub beside sid, or looks the person up by another id.',
    remedy: 'Set curfew.logout.token.sub to false for the client, so that the token names the session alone.',
  },
  'app.rejects_replay': {
    title: 'it takes the token for one that it has seen',
    severity: 'error',
    who: 'application_owner',
    cause: 'Every try has a jti of its own, so its cache of seen ids is wrong.',
    remedy: 'Clear the cache; it is keyed by jti and issuer.',
    foreign: { other: ['jti has already been used', 'token replay'] },
  },
  'app.rejects_other': {
    title: 'it refuses the sign-out without saying why',
    severity: 'error',
    who: 'application_owner',
    cause: 'The answer is 400 and its body does not tell.',
    remedy:
      'Look at its log at the time of the attempt; the token itself can be checked with curfew verify-token.',
    commands: [{ for: 'curfew', run: 'curfew verify-token -' }],
    foreign: { java: ['KC-SERVICES0057', 'Some clients have been not been logged out for user'] },
  },
  'app.session_survives': {
    title: 'it says yes and keeps the person signed in',
    severity: 'error',
    who: 'application_owner',
    cause: 'The session is in a cookie alone, in the memory of another replica, or under another name.',
    remedy: 'Keep sessions where the sign-out route can end them: the store of a kit, or a shared one.',
  },
  'front.cannot_confirm': {
    title: 'it is told through the browser, which cannot be confirmed',
    severity: 'info',
    who: 'application_owner',
    cause:
      'Browsers keep third-party cookies apart and applications forbid frames, so nobody can see whether a frame worked.',
    remedy: 'Register a back-channel address.',
  },
  'front.too_many': {
    title: 'it is one of more applications than a browser is asked to tell',
    severity: 'error',
    who: 'application_owner',
    cause:
      'It is told through the browser alone, and the page of a sign-out loads 50 frames at most: those of the applications that were used first.',
    remedy: 'Register a back-channel address: over that channel any number of applications is told.',
  },
} as const satisfies Readonly<Record<string, Reason>>
