/** What must hold of every commit. Reads the committed rows; runs at the very moment, so nothing can hide. */
import type { Row } from '../../../src/store/bulk-rows.ts'
import type { RowChange } from '../store/engine.ts'
import { ensure } from '../violation.ts'
import { committedRows, type World } from '../world.ts'

const terminal: ReadonlySet<unknown> = new Set([
  'accepted',
  'rejected',
  'unconfirmed',
  'unreachable',
  'blocked',
  'cancelled',
])

export function checkCommit(world: World, changes: readonly RowChange[]): void {
  for (const { table, key, row } of changes) {
    world.history.add(
      `${world.scheduler.now} ${table} ${key} ${row?.['state'] ?? ''} ${row?.['fence'] ?? ''}`,
    )
  }
  for (const change of changes) checks[change.table]?.(world, change, changes)
  checkWidth(world, changes)
}

/** D18: what one transaction writes is bounded; each application has one channel here. */
function checkWidth(world: World, changes: readonly RowChange[]): void {
  const written = changes.filter(({ table, row, before }) => {
    return table === 'delivery' && !before && row?.['generation'] === 1
  })
  ensure(written.length <= world.memberCountMax, 'I16', () => `one commit wrote ${written.length} deliveries`)
}

type Check = (world: World, change: RowChange, all: readonly RowChange[]) => void

const checks: Readonly<Record<string, Check>> = {
  delivery: checkDelivery,
  attempt: checkAttempt,
  session: checkSession,
  client_session: checkClientSession,
  artifact: checkArtifact,
  sign_out: checkSignOut,
}

function checkDelivery(world: World, { key, row, before }: RowChange): void {
  if (!row) return
  if (before && terminal.has(before['state'])) {
    ensure(row['state'] === before['state'] && row['detail'] === before['detail'], 'I5', () => {
      return `${key} was ${before['state']} and is ${row['state']}`
    })
  }
  if (!before && Number(row['generation']) > 1) checkReplay(world, key, row)
  if (row['state'] === 'leased') checkLease(world, key, row, before)
  if (row['state'] === 'accepted' && before?.['state'] !== 'accepted') {
    ensure(world.network.acceptedAnswers.has(key), 'I4', () => {
      return `${key} is accepted and no accepting answer was read`
    })
    ensure(before?.['state'] === 'leased', 'I7', () => `${key} was ${before?.['state']} and is accepted`)
  }
}

/** A replay is a new generation of what has ended; what is under way is not sent twice. */
function checkReplay(world: World, key: string, row: Row): void {
  for (const other of committedRows(world, 'delivery').values()) {
    if (other['sid'] !== row['sid'] || other['sign_out_id'] !== row['sign_out_id']) continue
    if (Number(other['generation']) >= Number(row['generation'])) continue
    ensure(terminal.has(other['state']), 'I5', () => {
      return `${key} is generation ${row['generation']} while ${other['id']} is ${other['state']}`
    })
  }
}

function checkLease(world: World, key: string, row: Row, before: Row | undefined): void {
  if (before?.['state'] === 'leased') return
  ensure(
    Number(row['fence']) === Number(before?.['fence'] ?? 0) + 1,
    'I7',
    () => `${key} is leased under an old fence`,
  )
  const attempt = committedRows(world, 'attempt').get(`${key}/${row['fence']}`)
  ensure(attempt !== undefined, 'I15', () => `${key} is leased without an attempt row`)
  let leasedCount = 0
  for (const other of committedRows(world, 'delivery').values()) {
    if (other['state'] === 'leased' && other['endpoint_id'] === row['endpoint_id']) leasedCount += 1
  }
  ensure(leasedCount <= world.plan.leasedPerEndpointMax, 'I16', () => {
    return `${leasedCount} rows of ${row['endpoint_id']} are leased`
  })
}

/** Only the holder of the fence may say what became of a try. */
function checkAttempt(world: World, { key, row, before }: RowChange, all: readonly RowChange[]): void {
  if (!row || row['outcome'] === null) return
  ensure(before?.['outcome'] === null, 'I7', () => `the outcome of ${key} is written twice`)
  const id = String(row['delivery_id'])
  const change = all.find((one) => one.table === 'delivery' && one.key === id)
  const delivery = change?.before ?? committedRows(world, 'delivery').get(id)
  ensure(delivery?.['fence'] === row['number'] && delivery?.['state'] === 'leased', 'I7', () => {
    return `the outcome of ${key} is written while ${id} is ${delivery?.['state']} under fence ${delivery?.['fence']}`
  })
}

function checkSession(world: World, { key, row, before }: RowChange): void {
  if (row?.['state'] !== 'ended' || before?.['state'] === 'ended') {
    ensure(
      !(before?.['state'] === 'ended' && row?.['state'] === 'active'),
      'I1',
      () => `${key} came back to life`,
    )
    return
  }
  const signOut = committedRows(world, 'sign_out').get(String(row['sign_out_id']))
  ensure(signOut !== undefined, 'I2', () => `session ${key} ended without a sign-out`)
  if (signOut['scope'] === 'session') checkTold(world, key, signOut)
}

/** I2, I1, I12 at the commit of a session's own sign-out. Of a wide one, who is still in it has nothing yet (D18). */
function checkTold(world: World, sessionUid: string, signOut: Row): void {
  for (const [key, artifact] of committedRows(world, 'artifact')) {
    ensure(artifact['session_uid'] !== sessionUid || artifact['is_offline'] === 1, 'I1', () => {
      return `${artifact['kind']} ${key} outlives session ${sessionUid}`
    })
  }
  for (const member of committedRows(world, 'client_session').values()) {
    if (member['session_uid'] !== sessionUid) continue
    const isOwed = member['ended_at'] === null
    ensure(!isOwed || signOut['completed_at'] === null, 'I12', () => {
      return `${member['client_id']} is in session ${sessionUid} after its end`
    })
    checkMemberTold(world, member, signOut, isOwed ? 0 : 1)
  }
}

/** Its own sign-out tells it; one that left before was told by the sign-out of that application. */
function checkMemberTold(world: World, member: Row, signOut: Row, expectedCount: number): void {
  const client = world.plan.clients.find(({ clientId }) => clientId === member['client_id'])
  if (!client?.hasChannel) return
  let count = 0
  let own = 0
  for (const delivery of committedRows(world, 'delivery').values()) {
    if (delivery['sid'] !== member['sid'] || delivery['generation'] !== 1) continue
    count += 1
    if (delivery['sign_out_id'] === signOut['id']) own += 1
  }
  ensure(count === expectedCount, 'I2', () => {
    return `${member['client_id']} of session ${member['session_uid']} has ${count} deliveries (${own} of ${signOut['id']})`
  })
}

function checkClientSession(world: World, { row }: RowChange): void {
  if (!row) return
  world.members.set(String(row['sid']), {
    sid: String(row['sid']),
    clientId: String(row['client_id']),
    sessionUid: String(row['session_uid']),
    sub: String(row['sub']),
  })
  if (row['ended_at'] !== null) return
  const session = committedRows(world, 'session').get(String(row['session_uid']))
  ensure(session?.['state'] === 'active', 'I12', () => {
    return `${row['client_id']} is committed in session ${row['session_uid']}, which is ${session?.['state']}`
  })
}

function checkArtifact(world: World, { key, row, before }: RowChange): void {
  if (!row) return
  ensure(
    before === undefined || before['consumed_at'] === null || before['consumed_at'] === row['consumed_at'],
    'I1',
    () => {
      return `${row['kind']} ${key} is used twice (R3)`
    },
  )
  if (before !== undefined || row['session_uid'] === null || row['is_offline'] === 1) return
  const session = committedRows(world, 'session').get(String(row['session_uid']))
  ensure(session?.['state'] === 'active', 'I1', () => {
    return `${row['kind']} ${key} comes from session ${row['session_uid']}, which is ${session?.['state']}`
  })
  const member = committedRows(world, 'client_session').get(`${row['session_uid']}/${row['client_id']}`)
  ensure(member?.['ended_at'] === null, 'I1', () => {
    return `${row['kind']} ${key} is for ${row['client_id']}, which left session ${row['session_uid']}`
  })
  ensure(Number(row['created_at']) < Number(session['idle_until']), 'I1', () => {
    return `${row['kind']} ${key} comes from session ${row['session_uid']} after its time`
  })
}

/** The second half of a wide sign-out (D18): each session's own sign-out with its deliveries, and the last of them. */
function checkSignOut(world: World, { row, before }: RowChange): void {
  if (!row || before?.['completed_at'] === row['completed_at']) return
  const sessionUid = row['session_uid']
  if (row['scope'] === 'session') {
    const session = committedRows(world, 'session').get(String(sessionUid))
    ensure(session?.['state'] === 'ended' && session['sign_out_id'] === row['id'], 'I11', () => {
      return `${row['id']} is not the sign-out of session ${sessionUid}`
    })
    checkTold(world, String(sessionUid), row)
  }
}
