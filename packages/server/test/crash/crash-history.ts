/**
 * What happened, as the world outside the server saw it: who signed in where, whose sign-out was acknowledged,
 * and what each application was told. The checker reads nothing else but the final rows.
 */

export interface Member {
  readonly clientId: string
  readonly sid: string
  refreshToken: string
}

export interface SessionHistory {
  readonly members: Member[]
  /** From the moment on at which the first request of its sign-out may have left. */
  isAsked: boolean
  isAcknowledged: boolean
  /** Requests of this sign-out that were sent; more than one after a crash. */
  askCount: number
}

export interface CrashHistory {
  readonly sessions: SessionHistory[]
  /** A token that worked after its session's sign-out was acknowledged (I1). */
  readonly openDoors: string[]
  /** Answers that nobody expects, with their text. */
  readonly surprises: string[]
  refusedProbeCount: number
  /** Answers 503 and 429. */
  unavailableCount: number
  limitedCount: number
}

export function createCrashHistory(): CrashHistory {
  return {
    sessions: [],
    openDoors: [],
    surprises: [],
    refusedProbeCount: 0,
    unavailableCount: 0,
    limitedCount: 0,
  }
}

/** A notice as the application received it. */
export interface Told {
  readonly clientId: string
  readonly sid: string
  readonly jti: string
}

/** A client session as the database has it at the end. */
export interface StoredMember {
  readonly clientId: string
  readonly sid: string
  readonly state: string
  readonly signOutCount: number
}

export interface CrashVerdict {
  readonly acknowledgedCount: number
  readonly memberCount: number
  readonly toldCount: number
  /** Members of acknowledged sign-outs that were never told. */
  readonly lost: readonly string[]
  /** Notices to somebody whose session nobody had asked to end (I3). */
  readonly unasked: readonly string[]
  readonly duplicateCount: number
  readonly repeatedTokens: readonly string[]
}

export function checkHistory(
  { sessions }: CrashHistory,
  told: readonly Told[],
  stored: readonly StoredMember[],
): CrashVerdict {
  const keyOf = ({ clientId, sid }: { clientId: string; sid: string }): string => `${clientId}/${sid}`
  const counts = new Map<string, number>()
  for (const one of told) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1)
  const acknowledged = sessions.filter((session) => session.isAcknowledged)
  const members = acknowledged.flatMap((session) => session.members.map(keyOf))
  const innocent = new Set(
    sessions.filter((session) => !session.isAsked).flatMap((session) => session.members.map(keyOf)),
  )
  const ended = new Set(stored.filter(({ state }) => state === 'ended').map(keyOf))
  return {
    acknowledgedCount: acknowledged.length,
    memberCount: members.length,
    toldCount: told.length,
    lost: members.filter((key) => !counts.has(key)),
    unasked: [...counts.keys()].filter((key) => innocent.has(key) || !ended.has(key)),
    duplicateCount: told.length - counts.size,
    repeatedTokens: repeated(told.map(({ jti }) => jti)),
  }
}

function repeated(values: readonly string[]): readonly string[] {
  const seen = new Set<string>()
  return values.filter((value) => seen.has(value) || !seen.add(value))
}
