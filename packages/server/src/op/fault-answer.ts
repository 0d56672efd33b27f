/** What is said when a request of the engine broke: the database is away, or the fault is ours. */

/** The answer's status, the kind of its page, and its body for a program. */
export function faultAnswer(isAway: boolean) {
  return isAway
    ? ({
        status: 503,
        reason: 'unavailable',
        headers: { 'retry-after': '5' },
        body: {
          error: 'temporarily_unavailable',
          error_description: 'The server cannot reach its database. Try again.',
        },
      } as const)
    : ({
        status: 500,
        reason: 'server',
        headers: {},
        body: { error: 'server_error', error_description: 'The server made a mistake.' },
      } as const)
}
