/** How long after its sign-out's commit each application was told. */
import type { SessionFill } from './fill-sessions.ts'
import type { PreparedRealm } from './prepared-realm.ts'
import type { Receipt } from './receivers.ts'

export interface Told {
  readonly clientId: string
  readonly sid: string
  /** The delivery's state in the database. */
  readonly state: string
  /** Undefined when no notice was accepted. A second notice of the same session does not count. */
  readonly toldMs: number | undefined
}

interface Row {
  readonly client_id: string
  readonly sid: string
  readonly state: string
  readonly committed_at: string | number
}

/** Of one person's sign-outs alone: those of a whole realm are of the low class. `fill` leaves out other sessions. */
export async function readTold(
  { query }: PreparedRealm,
  receipts: readonly Receipt[],
  fill?: Pick<SessionFill, 'prefix'>,
): Promise<readonly Told[]> {
  const firstAt = new Map<string, number>()
  for (const { sid, at } of receipts) if (!firstAt.has(sid)) firstAt.set(sid, at)
  const rows = await query<Row>(`select d.client_id, d.sid, d.state, s.committed_at from delivery d
    join sign_out s on s.id = d.sign_out_id where d.priority = 0 and d.session_uid like '${fill ? `${fill.prefix}-` : ''}%'`)
  return rows.map((row) => {
    const at = firstAt.get(row.sid)
    const toldMs = at === undefined ? undefined : at - Number(row.committed_at)
    return { clientId: row.client_id, sid: row.sid, state: row.state, toldMs }
  })
}

/** Of those that were told. */
export function toldTimesOf(told: readonly Told[]): readonly number[] {
  return told.flatMap(({ toldMs }) => toldMs ?? [])
}
