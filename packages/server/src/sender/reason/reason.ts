/**
 * The catalogue of reason codes: why an application was not told, who must act, and what helps. The doctor, the
 * console, `curfew explain` and docs/reasons.md read it; attempts store the code alone.
 *
 * Invariants
 * - A code never changes its meaning and is never used again for another one.
 * - `foreign` are the words of other programs for the same fault, so that a search for them ends here.
 */
import { applicationReasons } from './application-reasons.ts'
import { certificateReasons } from './certificate-reasons.ts'
import { chainReasons } from './chain-reasons.ts'
import { configurationReasons } from './configuration-reasons.ts'
import { handshakeReasons } from './handshake-reasons.ts'
import { httpReasons } from './http-reasons.ts'
import { networkReasons } from './network-reasons.ts'
import { ownReasons } from './own-reasons.ts'

export interface Reason {
  /** One sentence about the application, subject first, without its name. */
  readonly title: string
  readonly severity: 'error' | 'warning' | 'info'
  readonly who: 'application_owner' | 'operator' | 'network'
  readonly cause: string
  readonly remedy: string
  /** What can be copied, by the program it is for. */
  readonly commands?: readonly { readonly for: string; readonly run: string }[]
  readonly foreign?: {
    /** Node's code or OpenSSL's sentence. */
    readonly node?: readonly string[]
    /** What Java and Keycloak print. */
    readonly java?: readonly string[]
    /** Python's requests, curl and the like. */
    readonly other?: readonly string[]
  }
}

export const reasons = {
  ...configurationReasons,
  ...networkReasons,
  ...chainReasons,
  ...certificateReasons,
  ...handshakeReasons,
  ...httpReasons,
  ...applicationReasons,
  ...ownReasons,
} as const satisfies Readonly<Record<string, Reason>>

export type ReasonCode = keyof typeof reasons

export function reasonOf(code: string): Reason | undefined {
  return Object.hasOwn(reasons, code) ? reasons[code as ReasonCode] : undefined
}

/** "CRM was not told: nothing listens at its address." A code that is not in the catalogue is shown as it is. */
export function reasonSentence(code: string, application: string): string {
  return `${application} was not told: ${reasonOf(code)?.title ?? code}.`
}

/**
 * The codes that a text may be about: one of ours, or what another program printed. Several programs say the same
 * for several faults, so the answer is a list; the most telling match comes first.
 */
export function reasonsInText(text: string): readonly ReasonCode[] {
  const wanted = text.toLowerCase()
  const scored = (Object.entries(reasons) as [ReasonCode, Reason][]).map(([code, reason]) => {
    const foreign = [
      ...(reason.foreign?.node ?? []),
      ...(reason.foreign?.java ?? []),
      ...(reason.foreign?.other ?? []),
    ]
    const found = foreign.filter((one) => wanted.includes(one.toLowerCase())).map((one) => one.length)
    return { code, score: wanted.includes(code) ? Number.MAX_SAFE_INTEGER : Math.max(0, ...found) }
  })
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ code }) => code)
}
