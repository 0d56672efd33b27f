/** express-session, with the part of its types that these tests use. */
import type { RequestHandler } from 'express'
// @ts-expect-error: the package has no types of its own
import untyped from 'express-session'

type ExpressSession = ((options: Readonly<Record<string, unknown>>) => RequestHandler) & {
  readonly MemoryStore: new () => object
}

export const session = untyped as ExpressSession
