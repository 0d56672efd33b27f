/** A hundred applications on ports where nobody listens. */
export const deadAddresses: readonly string[] = Array.from(
  { length: 100 },
  (_, index) => `http://127.0.0.1:${2 + index}/backchannel-logout`,
)
