/** The address that a browser goes to after a sign-out: the registered one, and `state` if it was sent (RIL-13, KL-04). */

/** `state` is percent-encoded and nothing else is added; a fragment stays behind the query. */
export function returnAddress(uri: string, state: string | undefined): string {
  if (state === undefined) return uri
  const hash = uri.indexOf('#')
  const [address, fragment] = hash < 0 ? [uri, ''] : [uri.slice(0, hash), uri.slice(hash)]
  const separator = !address.includes('?') ? '?' : /[?&]$/.test(address) ? '' : '&'
  return `${address}${separator}state=${encodeURIComponent(state)}${fragment}`
}
