/** The applications that are still in a session. Read after its lock is held, or after its door is closed. */
import { countOpenClientSessions, readOpenClientSessions } from '../session/read-open-client-sessions.ts'
import type { ClientSession } from '../session/session.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingLimits, memberCountMaxOf } from './closing.ts'

export interface Members {
  /** As many as one transaction signs out of, the oldest first. */
  readonly listed: readonly ClientSession[]
  /** How many more there are: 0 for all but very wide sessions (D18). */
  readonly restCount: number
}

export async function readMembers(limits: ClosingLimits, tx: Tx, sessionUid: string): Promise<Members> {
  const countMax = memberCountMaxOf(limits)
  const found = await readOpenClientSessions(tx, sessionUid, countMax + 1)
  if (found.length <= countMax) return { listed: found, restCount: 0 }
  const count = await countOpenClientSessions(tx, sessionUid)
  return { listed: found.slice(0, countMax), restCount: count - countMax }
}
