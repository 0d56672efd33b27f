/** How Node is told to spare memory, as in `npm run curfew`: a process that is measured is started in the same way. */
export const memoryFlags: readonly string[] = ['--max-semi-space-size=8', '--heap-growing-percent=60']
