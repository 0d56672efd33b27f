/**
 * Waits for all of them, and throws what the first in this order failed with: statements that were sent together
 * fail together, and the first one is the cause.
 */
export async function inOrder<const T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as { -readonly [Index in keyof T]: Awaited<T[Index]> }
}
