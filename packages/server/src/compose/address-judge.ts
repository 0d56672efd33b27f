/** The outbound guard as the import report asks it: may this address be told, and which setting would let it in. */
import type { IsAddressAllowed } from '../realm/import/judge-applications.ts'
import type { OutboundHttp } from '../sender/outbound-http.ts'

export function addressJudge(outbound: Pick<OutboundHttp, 'check'>): IsAddressAllowed {
  return async (url, application) => {
    const blocked = await outbound.check(url, application)
    return blocked
      ? { ok: false, reason: blocked.reason, setting: blocked.setting ?? blocked.detail }
      : { ok: true }
  }
}
