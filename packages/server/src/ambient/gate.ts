/**
 * Named fault points. In production a gate is a function that returns at once; a test hands in one that
 * pauses, throws or ends the process at the named place, so that every edge between commit, answer, claim,
 * send and settle can be hit on purpose.
 */

export const gateNames = [
  'authorize.beforeCommit',
  'authorize.afterCommit',
  'exchange.beforeCommit',
  'exchange.afterLock',
  'exchange.afterCommit',
  'refresh.beforeCommit',
  'refresh.afterLock',
  'refresh.afterCommit',
  'signIn.beforeCommit',
  'signIn.afterCommit',
  'signOut.beforeLock',
  'signOut.afterLock',
  'signOut.afterMembers',
  'signOut.beforeCommit',
  'signOut.afterCommit',
  'signOut.beforeAnswer',
  'claim.beforeCommit',
  'claim.afterCommit',
  'prepare.beforeSign',
  'prepare.afterSign',
  'send.beforeConnect',
  'send.afterAnswer',
  'settle.beforeCommit',
  'settle.afterCommit',
  'expiry.beforeSignOut',
  'spread.beforeCommit',
  'redeliver.beforeCommit',
] as const

export type GateName = (typeof gateNames)[number]

/** Awaited by product code at each named place. `subject` says which row is at the gate, for tests that select one. */
export type Gate = (name: GateName, subject?: string) => Promise<void> | void

export const openGate: Gate = () => undefined
