/** The members of a realm's representation that Curfew reads, with Keycloak's defaults (§16, §19.4). */
import { type SigningAlgorithm, signingAlgorithms } from '../key/key.ts'
import { countOf, flagOf, type Representation, textMapOf, textOf, textsOf } from '../rp/representation.ts'
import type { RealmSettings } from './realm.ts'

export function readRealmSettings(of: Representation): RealmSettings {
  const attributes = textMapOf(of, 'attributes')
  return { ...lifetimes(of), ...signIn(of), ...audit(of), ...languages(of), ...ownAttributes(attributes) }
}

type Lifetimes = Pick<
  RealmSettings,
  | 'ssoSessionIdleSeconds'
  | 'ssoSessionMaxSeconds'
  | 'ssoSessionIdleRememberMeSeconds'
  | 'ssoSessionMaxRememberMeSeconds'
  | 'clientSessionIdleSeconds'
  | 'clientSessionMaxSeconds'
  | 'offlineSessionIdleSeconds'
  | 'offlineSessionMaxSeconds'
  | 'accessTokenSeconds'
  | 'accessCodeSeconds'
  | 'accessCodeUserActionSeconds'
  | 'accessCodeLoginSeconds'
>

function lifetimes(of: Representation): Lifetimes {
  const idle = secondsOf(of, 'ssoSessionIdleTimeout', 1800)
  const max = secondsOf(of, 'ssoSessionMaxLifespan', 36_000)
  return {
    ssoSessionIdleSeconds: idle,
    ssoSessionMaxSeconds: max,
    // KW-03: 0 is "as without"; a shorter value never shortens a remembered session
    ssoSessionIdleRememberMeSeconds: Math.max(idle, countOf(of, 'ssoSessionIdleTimeoutRememberMe', 0)),
    ssoSessionMaxRememberMeSeconds: Math.max(max, countOf(of, 'ssoSessionMaxLifespanRememberMe', 0)),
    clientSessionIdleSeconds: countOf(of, 'clientSessionIdleTimeout', 0),
    clientSessionMaxSeconds: countOf(of, 'clientSessionMaxLifespan', 0),
    offlineSessionIdleSeconds: secondsOf(of, 'offlineSessionIdleTimeout', 2_592_000),
    offlineSessionMaxSeconds: flagOf(of, 'offlineSessionMaxLifespanEnabled', false)
      ? secondsOf(of, 'offlineSessionMaxLifespan', 5_184_000)
      : undefined,
    accessTokenSeconds: secondsOf(of, 'accessTokenLifespan', textOf(of, 'realm') === 'master' ? 60 : 300),
    accessCodeSeconds: secondsOf(of, 'accessCodeLifespan', 60),
    accessCodeUserActionSeconds: secondsOf(of, 'accessCodeLifespanUserAction', 300),
    accessCodeLoginSeconds: secondsOf(of, 'accessCodeLifespanLogin', 1800),
  }
}

/** A lifetime of 0 seconds would end everything at once, so 0 means the default. */
function secondsOf(of: Representation, name: string, whenAbsent: number): number {
  return countOf(of, name, whenAbsent) || whenAbsent
}

function signIn(of: Representation) {
  const sslRequired = textOf(of, 'sslRequired')?.toLowerCase()
  const algorithm = textOf(of, 'defaultSignatureAlgorithm')
  return {
    displayName: textOf(of, 'displayName'),
    sslRequired: sslRequired === 'all' || sslRequired === 'none' ? sslRequired : 'external',
    registrationAllowed: flagOf(of, 'registrationAllowed', false),
    loginWithEmailAllowed: flagOf(of, 'loginWithEmailAllowed', true),
    rememberMe: flagOf(of, 'rememberMe', false),
    bruteForceProtected: flagOf(of, 'bruteForceProtected', false),
    passwordPolicy: textOf(of, 'passwordPolicy'),
    revokeRefreshToken: flagOf(of, 'revokeRefreshToken', false),
    defaultSignatureAlgorithm: isSigningAlgorithm(algorithm) ? algorithm : 'RS256',
  } as const
}

export function isSigningAlgorithm(value: string | undefined): value is SigningAlgorithm {
  return signingAlgorithms.some((one) => one === value)
}

const secondsPerDay = 86_400

function audit(of: Representation) {
  const types = textsOf(of, 'enabledEventTypes')
  return {
    // Keycloak's exports always say; a realm that does not is one whose auditor was not asked yet
    eventsEnabled: flagOf(of, 'eventsEnabled', true),
    eventsRetentionDays: Math.ceil(countOf(of, 'eventsExpiration', 0) / secondsPerDay),
    enabledEventTypes: types.length > 0 ? types : undefined,
    adminEventsEnabled: flagOf(of, 'adminEventsEnabled', true),
  }
}

function languages(of: Representation) {
  return {
    internationalizationEnabled: flagOf(of, 'internationalizationEnabled', false),
    supportedLocales: textsOf(of, 'supportedLocales'),
    defaultLocale: textOf(of, 'defaultLocale'),
  }
}

/** Curfew's own realm attributes (experience.md §5.1); a value out of range is brought to the nearest bound. */
function ownAttributes(attributes: Readonly<Record<string, string>>) {
  const resultPage = attributes['curfew.result.page']
  const bounded = (name: string, whenAbsent: number, max: number): number =>
    Math.min(countOf(attributes, name, whenAbsent), max)
  return {
    passwordGrant: attributes['curfew.password.grant'] === 'clients' ? 'clients' : 'off',
    resultPage: resultPage === 'on-failure' || resultPage === 'always' ? resultPage : 'never',
    resultPauseSeconds: bounded('curfew.result.pause.seconds', 1, 3),
    firstRoundWaitMs: bounded('curfew.first.round.wait.ms', 400, 400),
    leaveOneApplication: flagOf(attributes, 'curfew.leave.one.application', true),
    alwaysConfirmSignOut: flagOf(attributes, 'logout.confirmation.enabled', false),
    frontendUrl: attributes['frontendUrl']?.replace(/\/+$/, '') || undefined,
    trustPem:
      attributes['curfew.trust.pem']?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ??
      [],
  } as const
}

/** KP-41: applications of this realm know addresses as Keycloak before 17 had them. */
export function isLegacyAddress(frontendUrl: string | undefined): boolean {
  return frontendUrl?.endsWith('/auth') === true
}
