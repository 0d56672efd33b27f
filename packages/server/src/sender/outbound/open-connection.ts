/**
 * Opens one guarded connection: resolve, judge every address, pin, connect, look again at what was reached, and
 * secure it. Every step that cannot be completed ends the attempt; nothing here falls back to something weaker.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../ambient/clock.ts'
import type { Timer } from '../../ambient/timer.ts'
import { type AddressJudgement, judgeAddress, type OutboundTarget } from '../address-guard.ts'
import { formatIpAddress, type IpAddress } from '../ip-address.ts'
import type { OutboundPolicy } from '../outbound-policy.ts'
import { diagnoseTls } from '../tls/diagnose-tls.ts'
import { secureSocket } from '../tls/secure-socket.ts'
import type { Trust } from '../tls/trust.ts'
import { openTcp } from './open-tcp.ts'
import { OutboundFailure } from './outbound-failure.ts'
import { openTunnel, type ProxySettings, proxyFor } from './proxy.ts'
import type { Resolve } from './resolve-host.ts'

export interface ConnectDeps {
  readonly clock: Clock
  readonly timer: Timer
  readonly resolve: Resolve
  readonly resolveProxy: Resolve
  readonly proxy: ProxySettings | undefined
  /** Reads a certificate from the address that another one names for its issuer. */
  readonly readIssuer: (url: string) => Promise<Buffer | undefined>
}

/** What a connection is opened for, judged by `judgeUrl` before. */
export interface ConnectPlan {
  readonly target: OutboundTarget
  readonly literal: IpAddress | undefined
  readonly policy: OutboundPolicy
  readonly trust: Trust
}

/** @throws OutboundFailure with a code of experience.md §6.4 */
export async function openConnection(deps: ConnectDeps, plan: ConnectPlan): Promise<Socket> {
  const open = await planTransport(deps, plan)
  const socket = await open()
  if (plan.target.isPlainHttp) return socket
  try {
    return await secureSocket(deps, socket, plan.target.host, plan.trust)
  } catch (error) {
    socket.destroy()
    throw await diagnoseTls({ ...deps, open }, plan, error as Error)
  }
}

/**
 * Decides once which addresses may be called, and gives a function that connects to one of exactly these. The
 * inspection of a broken certificate uses it again, so that it looks at the same place.
 */
export async function planTransport(deps: ConnectDeps, plan: ConnectPlan): Promise<() => Promise<Socket>> {
  const { target } = plan
  const proxy = proxyFor(deps.proxy, target)
  const resolvesThere = proxy !== undefined && deps.proxy?.allowProxyToResolve === true && !plan.literal
  if (resolvesThere) return () => openTunnel(deps, proxy, target.host, target.port)
  const addresses = await allowedAddresses(deps, plan)
  if (proxy) return () => openTunnel(deps, proxy, addresses[0] as string, target.port)
  return async () => assertReached(await openTcp(deps, addresses, target.port), plan)
}

async function allowedAddresses(deps: ConnectDeps, plan: ConnectPlan): Promise<readonly string[]> {
  const { target, policy } = plan
  const found = plan.literal
    ? [formatIpAddress(plan.literal)]
    : await deps.resolve(target.host.replace(/\.$/, ''))
  const judged = found.map((address) => ({ address, verdict: judgeAddress(address, policy, target) }))
  const allowed = judged.filter((one) => one.verdict.ok).map((one) => one.address)
  if (allowed.length === 0) throw blocked(judged[0]?.verdict)
  return allowed
}

/** The last look: the kernel says whom we reached. A socket that cannot say it is not used. */
export function assertReached<S extends { readonly remoteAddress?: string | undefined; destroy(): unknown }>(
  socket: S,
  plan: Pick<ConnectPlan, 'policy' | 'target'>,
): S {
  const verdict = judgeAddress(socket.remoteAddress ?? '', plan.policy, plan.target)
  if (verdict.ok) return socket
  socket.destroy()
  throw blocked(verdict)
}

function blocked(verdict: AddressJudgement | undefined): OutboundFailure {
  if (verdict && !verdict.ok) return new OutboundFailure('blocked', verdict.reason, verdict.detail)
  return new OutboundFailure('blocked', 'policy.private_address', 'no address could be judged')
}
