/** A hundred applications on ports where nobody listens, and none of which is forbidden: that would be a verdict at once. */
export const deadAddresses: readonly string[] = Array.from(
  { length: 100 },
  (_, index) => `http://127.0.0.1:${700 + index}/backchannel-logout`,
)
