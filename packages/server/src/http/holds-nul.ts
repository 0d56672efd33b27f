/**
 * U+0000 in what came in, raw or percent-encoded. PostgreSQL's text cannot hold it, so a value with it would fail
 * as a fault of ours in every query; no honest value has it, so such a request is refused before it is read.
 */
export function holdsNul(text: string): boolean {
  return text.includes('\0') || text.includes('%00')
}
