/**
 * Sentences of explanation that belong to no single endpoint. Each says what was wrong, in which value, and
 * what to do; times are UTC, because an operator reads them beside log lines.
 */
import type { Instant } from '../ambient/clock.ts'
import type { SignOutCause } from '../sign-out/sign-out-command.ts'

/** How a session ended, as a sign-out's row tells it. */
export interface SessionEnd {
  readonly cause: SignOutCause
  readonly committedAt: Instant
}

/** "ended at 10:42 by an administrator"; with the day (`on 2026-11-21 at 10:42`) when it was not today. */
export function describeEnd(end: SessionEnd, at: Instant): string {
  // a cause that a newer version has written is not known here (R25)
  const because = (endedBy as Readonly<Record<string, string | undefined>>)[end.cause]
  return ['ended', describeInstant(end.committedAt, at), because].filter(Boolean).join(' ')
}

/** "at 10:42", or "on 2026-11-21 at 10:42" when that was another day than `at`. UTC. */
export function describeInstant(instant: Instant, at: Instant): string {
  const [day, time] = isoMinute(instant)
  return day === isoMinute(at)[0] ? `at ${time}` : `on ${day} at ${time}`
}

function isoMinute(instant: Instant): [day: string, time: string] {
  const iso = new Date(instant).toISOString()
  return [iso.slice(0, 10), iso.slice(11, 16)]
}

const endedBy: Readonly<Record<SignOutCause, string>> = {
  rp_initiated: 'by a sign-out at an application',
  legacy_refresh_token: "by an application's sign-out call",
  result_page: 'on the sign-out page',
  account_page: 'on the account page',
  administrator: 'by an administrator',
  session_idle: 'because nobody used it for as long as the realm allows',
  session_max_lifespan: 'because it reached the greatest age that the realm allows',
  account_switched: 'because another person signed in in the same browser',
  account_disabled: 'because the account was disabled',
  account_deleted: 'because the account was deleted',
  password_reset: 'because the password was reset',
  refresh_token_reused: 'because a refresh token was used a second time',
  token_revoked: 'because its token was revoked',
  client_deleted: 'because the application was removed',
  consent_revoked: 'because the consent was withdrawn',
  restored: 'because the database was put back from a backup',
  engine: 'by the protocol engine',
}
