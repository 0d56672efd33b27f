/** Paging of Keycloak's lists: `first` and `max`; the page after the last is `[]` (KQ-33). */
import { Type } from '@fastify/type-provider-typebox'

const pageMaxDefault = 100
/** A page is built in memory; Keycloak's own clients ask for 100 at a time (KK-44). */
export const pageMax = 1000

export const pageParameters = {
  first: Type.Optional(
    Type.Integer({ minimum: -1, maximum: 2 ** 31 - 1, description: 'Rows to skip, default 0.' }),
  ),
  max: Type.Optional(
    Type.Integer({ minimum: -1, maximum: 2 ** 31 - 1, description: 'Rows, default 100, at most 1000.' }),
  ),
}

/** Keycloak takes -1 for "no limit": here that is the greatest page. */
export function pageOf({ first = 0, max = pageMaxDefault }: { first?: number; max?: number }): {
  readonly first: number
  readonly max: number
} {
  return { first: Math.max(first, 0), max: max < 0 ? pageMax : Math.min(max, pageMax) }
}

/** `/…/:id`, the last part of a path. */
export const pathWithId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 255 }) })
