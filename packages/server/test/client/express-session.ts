/** express-session, which has no types of its own. */
import { createRequire } from 'node:module'
import type { RequestHandler } from 'express'

interface MemoryStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void
}

type ExpressSession = ((options: Readonly<Record<string, unknown>>) => RequestHandler) & {
  readonly MemoryStore: new () => MemoryStore
}

export const session = createRequire(import.meta.url)('express-session') as ExpressSession
