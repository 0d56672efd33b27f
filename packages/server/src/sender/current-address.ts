import { channelsOf } from '../rp/channels.ts'
import type { Client } from '../rp/client.ts'
import type { DeliverySubject } from './sender.ts'

/**
 * The address of the delivery's channel as it is registered now. A deleted client is told at the address that it
 * had (D13); undefined when the application has no such channel any more.
 */
export function currentAddress(
  client: Client | undefined,
  subject: Pick<DeliverySubject, 'channel' | 'address'>,
): string | undefined {
  if (!client || client.isDeleted) return subject.address
  return channelsOf(client).find((one) => one.channel === subject.channel)?.address
}
