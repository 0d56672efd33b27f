/**
 * Mistakes made on purpose. `planted-mistakes.test.ts` expects oxlint to report every line that is marked;
 * the ordinary run leaves this file out (`.oxlintrc.json`).
 */

declare const database: { transact(run: () => Promise<void>): Promise<void>; execute(): Promise<void> }

type Outcome = 'accepted' | 'rejected' | 'unconfirmed'

export async function forgetsToAwait(): Promise<void> {
  // expect-next: no-floating-promises
  database.execute()
  await database.transact(async () => {
    // expect-next: no-floating-promises
    database.execute()
  })
}

export function handsAsyncToForEach(names: readonly string[]): void {
  // expect-next: no-misused-promises
  names.forEach(async () => {
    await database.execute()
  })
}

export function handsAsyncWhereNobodyAwaits(): void {
  // expect-next: no-misused-promises
  setTimeout(async () => {
    await database.execute()
  }, 1)
}

export function leavesOutOneCase(outcome: Outcome): string {
  // expect-next: switch-exhaustiveness-check
  switch (outcome) {
    case 'accepted':
      return 'told'
    case 'rejected':
      return 'refused'
  }
  return ''
}
