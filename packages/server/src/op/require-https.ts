/** The realm's `sslRequired`: `external` lets private and loopback addresses talk plain http (KR-02). */
import { BlockList } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Realm } from '../realm/realm.ts'
import { sendError } from './endpoint.ts'

/** Answers 403 and returns false when this request came over plain http and the realm does not allow it. */
export function requireHttps(realm: Realm, request: FastifyRequest, reply: FastifyReply): boolean {
  const { sslRequired } = realm.settings
  if (request.protocol === 'https' || sslRequired === 'none') return true
  if (sslRequired === 'external' && isLocal(request.ip)) return true
  sendError(reply, 403, 'invalid_request', 'HTTPS required')
  return false
}

const local = new BlockList()
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  local.addSubnet(network, prefix, 'ipv4')
}
local.addAddress('::1', 'ipv6')
local.addSubnet('fc00::', 7, 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')

function isLocal(address: string): boolean {
  return local.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}
