/** The labels `realm` and `application`, which go together: a client id is unique within its realm alone. */

/** Pairs beyond these are `_other`: a metric must not grow with what registers itself. */
export const applicationCountMax = 500

export interface ApplicationLabel {
  readonly realm: string
  readonly application: string
}

/** Hands out the first 500 pairs as they are. One for all metrics of a process, so that they agree on who is named. */
export function createApplicationLabels(): (realm: string, clientId: string) => ApplicationLabel {
  const seen = new Set<string>()
  return (realm, clientId) => {
    const key = JSON.stringify([realm, clientId])
    if (!seen.has(key) && seen.size >= applicationCountMax) return { realm, application: '_other' }
    seen.add(key)
    return { realm, application: clientId }
  }
}
