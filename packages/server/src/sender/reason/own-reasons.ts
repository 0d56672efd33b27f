/** The other direction, history, and faults of this server (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const ownReasons = {
  'rp.never_fetched_keys': {
    title: 'it has not fetched the keys of this server since the last rotation',
    severity: 'warning',
    who: 'application_owner',
    cause: 'It cannot reach this server, or keeps keys for ever.',
    remedy: 'Test its way to the key set; restart it after a rotation.',
  },
  'rp.issuer_mismatch': {
    title: 'it knows this server under another name',
    severity: 'error',
    who: 'operator',
    cause: 'Internal and external names differ.',
    remedy: 'Use one name; set CURFEW_URL.',
  },
  'clock.skew': {
    title: 'its clock differs by more than a minute',
    severity: 'warning',
    who: 'application_owner',
    cause: 'One of the two machines has no working NTP.',
    remedy: 'Set the clock that is wrong.',
    commands: [{ for: 'Linux', run: 'timedatectl set-ntp true' }],
  },
  'history.failing': {
    title: 'its recent sign-outs failed',
    severity: 'error',
    who: 'application_owner',
    cause: 'Of the last 50 deliveries too few were accepted.',
    remedy: 'Look at the reason of the last one.',
  },
  'history.slow': {
    title: 'its sign-outs take long',
    severity: 'warning',
    who: 'application_owner',
    cause: 'Most answers come, and the slowest of the last 50 came late.',
    remedy: 'Answer first and do the work afterwards.',
  },
  'history.never_tried': {
    title: 'it has never been sent a sign-out',
    severity: 'info',
    who: 'operator',
    cause: 'Nobody who used it has signed out since it was registered.',
    remedy: 'Check it with the doctor before it matters.',
    commands: [{ for: 'curfew', run: 'curfew doctor --app CLIENT' }],
  },
  'internal.error': {
    title: 'this server failed before the request left',
    severity: 'error',
    who: 'operator',
    cause: 'A fault of Curfew, not of the application.',
    remedy: 'Report it with the reference number of the attempt.',
  },
  'internal.stopped': {
    title: 'this server stopped the attempt itself',
    severity: 'info',
    who: 'operator',
    cause: 'It was shutting down, or the lease of the delivery had run out.',
    remedy: 'Nothing to do: the delivery is taken up again.',
  },
} as const satisfies Readonly<Record<string, Reason>>
