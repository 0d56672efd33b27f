/** Names of prepared statements, by their text; the same on every connection. */

/** Statements longer than this are bulk inserts of one length or another; naming them would fill the server's memory. */
const namedStatementCharactersMax = 4000

export class StatementNames {
  readonly #names = new Map<string, string>()
  #generation = 0

  /** Undefined for a statement that is parsed at every run. */
  of(text: string): string | undefined {
    if (text.length > namedStatementCharactersMax) return undefined
    const known = this.#names.get(text)
    if (known) return known
    const name = `${this.#prefix()}${this.#names.size}`
    this.#names.set(text, name)
    return name
  }

  /**
   * Gives every statement another name: what made one of them stale, a change of the schema, has made others stale on
   * every connection. Nothing happens when the failed one has been renamed already.
   */
  renew(failedName: string): void {
    if (!failedName.startsWith(this.#prefix())) return
    this.#generation += 1
    this.#names.clear()
  }

  #prefix(): string {
    return `q${this.#generation}_`
  }
}
