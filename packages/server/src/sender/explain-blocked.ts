/**
 * Says why the guard keeps an address from being called, and which setting would let it in. The import report
 * and the doctor print it; the guard itself decides in `address-guard.ts`.
 */
import {
  classifyAddress,
  type GuardReason,
  judgeAddress,
  judgeUrl,
  type OutboundTarget,
} from './address-guard.ts'
import { parseIpAddress } from './ip-address.ts'
import { forbiddenOutboundPorts, type OutboundPolicy } from './outbound-policy.ts'

export interface Blocked {
  readonly reason: GuardReason
  readonly detail: string
  /** The flag to add, or undefined where no setting helps and the address itself must change. */
  readonly setting: string | undefined
}

/**
 * undefined means that the address may be called. Without `addresses` a name is judged by its form alone; with
 * the addresses that it resolves to, it is blocked when none of them is allowed.
 */
export function explainBlocked(
  url: string,
  policy: OutboundPolicy,
  addresses: readonly string[] = [],
): Blocked | undefined {
  const judged = judgeUrl(url, policy)
  if (!judged.ok) {
    const target = targetOf(url)
    return {
      reason: judged.reason,
      detail: judged.detail,
      setting: target && settingFor(judged.reason, target, addresses),
    }
  }
  const verdicts = addresses.map((address) => judgeAddress(address, policy, judged.target))
  const first = verdicts[0]
  if (!first || first.ok || verdicts.some((verdict) => verdict.ok)) return undefined
  return { ...first, setting: settingFor(first.reason, judged.target, addresses) }
}

function settingFor(
  reason: GuardReason,
  target: OutboundTarget,
  addresses: readonly string[],
): string | undefined {
  if (reason !== 'policy.private_address' && reason !== 'policy.port' && reason !== 'config.plain_http')
    return undefined
  if (forbiddenOutboundPorts.has(target.port)) return undefined
  const bare = target.host.replace(/^\[|\]$/g, '')
  const known = [bare, ...addresses].map(parseIpAddress).filter((address) => address !== undefined)
  const kinds = known.map(classifyAddress)
  if (kinds.length > 0 && kinds.every((kind) => kind === 'unusable')) return undefined
  const literal = parseIpAddress(bare)
  const subject = literal ? (literal.length === 4 ? `${bare}/32` : `${bare}/128`) : target.host
  const allow = `--outbound-allow ${subject}:${target.port}`
  return kinds.includes('link_local') ? `${allow} --outbound-allow-link-local` : allow
}

function targetOf(text: string): OutboundTarget | undefined {
  const url = URL.parse(text)
  if (!url || url.hostname === '') return undefined
  const isPlainHttp = url.protocol === 'http:'
  return { host: url.hostname, port: Number(url.port) || (isPlainHttp ? 80 : 443), isPlainHttp }
}
