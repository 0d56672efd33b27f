/**
 * Statements that leave in one write and are answered in one: a batch has one Sync, so PostgreSQL runs them in
 * order and flushes once. `pg` takes it as a query of its own kind (its Submittable, as of pg-cursor). A statement
 * is parsed and described once per connection; from then on only its values go there and only its rows come back.
 * @see PostgreSQL 18, Frontend/Backend Protocol, Extended Query and Pipelining
 */
import type pg from 'pg'
import type { StatementNames } from './statement-names.ts'

export interface Statement {
  readonly text: string
  /** As PostgreSQL reads them. */
  readonly values: readonly (string | null)[]
  readonly resolve: (result: StatementResult) => void
  readonly reject: (cause: unknown) => void
}

export interface StatementResult {
  // biome-ignore lint/suspicious/noExplicitAny: the caller names the type of its rows
  readonly rows: any[]
  /** What was done, such as `INSERT 0 5` or `COMMIT`. */
  readonly tag: string
}

interface Column {
  readonly name: string
  readonly parse: (text: string) => unknown
}

/** The columns of each statement that one connection has parsed, by its name; undefined until it has run. */
export type ParsedStatements = Map<string, readonly Column[] | undefined>

/** How the batch ended: all answered, or one statement refused and those behind it not run. */
export type BatchEnd =
  | { readonly ok: true; readonly answered: readonly StatementResult[] }
  | {
      readonly ok: false
      readonly answered: readonly StatementResult[]
      readonly error: Error
      /** Name of the prepared statement that was refused. */
      readonly name: string | undefined
    }

// biome-ignore lint/style/useNamingConvention: the driver's own name
type Fields = readonly { readonly name: string; readonly dataTypeID: number }[]
export type ParserFor = (dataTypeId: number) => (text: string) => unknown

export class StatementBatch implements pg.Submittable {
  readonly statements: readonly Statement[]
  /** `pg` puts the clock of its time limit here. */
  callback: ((error: Error | null) => void) | undefined = undefined
  readonly #names: readonly (string | undefined)[]
  readonly #parsed: ParsedStatements
  readonly #parserFor: ParserFor
  readonly #ended: (end: BatchEnd) => void
  readonly #answered: StatementResult[] = []
  readonly #parsing: string[] = []
  #columns: readonly Column[] | undefined
  #rows: Record<string, unknown>[] = []
  #isOver = false

  constructor(
    statements: readonly Statement[],
    { names, parsed }: { readonly names: StatementNames; readonly parsed: ParsedStatements },
    parserFor: ParserFor,
    ended: (end: BatchEnd) => void,
  ) {
    this.statements = statements
    this.#names = statements.map(({ text }) => names.of(text))
    this.#parsed = parsed
    this.#parserFor = parserFor
    this.#ended = ended
  }

  submit(connection: pg.Connection): void {
    const { stream } = connection
    stream.cork()
    try {
      for (const [index, statement] of this.statements.entries())
        this.#write(connection, statement, this.#names[index])
      connection.sync()
    } finally {
      stream.uncork()
    }
  }

  #write(connection: pg.Connection, { text, values }: Statement, name: string | undefined): void {
    if (name === undefined || !(this.#parsed.has(name) || this.#parsing.includes(name))) {
      connection.parse({ name: name ?? '', text, types: [] }, true)
      this.#parsing.push(name ?? '')
    }
    connection.bind({ statement: name ?? '', values: [...values] }, true)
    if (name === undefined || !this.#parsed.get(name)) connection.describe({ type: 'P', name: '' }, true)
    connection.execute(null, true)
  }

  /** PostgreSQL keeps what it parsed, whatever becomes of the transaction. */
  handleParseComplete(): void {
    const name = this.#parsing.shift()
    if (name) this.#parsed.set(name, undefined)
  }

  handleRowDescription({ fields }: { readonly fields: Fields }): void {
    this.#columns = fields.map((field) => ({
      name: field.name,
      parse: this.#parserFor(field.dataTypeID),
    }))
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#columns ??= this.#knownColumns() ?? []
    const row: Record<string, unknown> = {}
    let index = 0
    for (const { name, parse } of this.#columns) {
      const text = fields[index++]
      row[name] = text === null || text === undefined ? null : parse(text)
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const name = this.#currentName()
    if (name !== undefined && !this.#parsed.get(name)) this.#parsed.set(name, this.#columns ?? [])
    this.#answered.push({ rows: this.#rows, tag: text })
    this.#rows = []
    this.#columns = undefined
  }

  handleReadyForQuery(): void {
    this.#end({ ok: true, answered: this.#answered })
  }

  handleError(error: Error): void {
    this.#end({ ok: false, answered: this.#answered, error, name: this.#currentName() })
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' })
  }

  handlePortalSuspended(): void {
    throw new TypeError('a statement is executed whole')
  }

  handleCopyInResponse(): void {
    throw new TypeError('nothing is copied')
  }

  handleCopyData(): void {
    throw new TypeError('nothing is copied')
  }

  #currentName(): string | undefined {
    return this.#names[this.#answered.length]
  }

  #knownColumns(): readonly Column[] | undefined {
    const name = this.#currentName()
    return name === undefined ? undefined : this.#parsed.get(name)
  }

  /** Once: after its time limit `pg` may still deliver what was on its way. */
  #end(end: BatchEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.callback?.(end.ok ? null : end.error)
    this.#ended(end)
  }
}

/** @throws TypeError for what no column holds */
export function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `{${value.map(toElement).join(',')}}`
  throw new TypeError(`a value of type ${typeof value} is not bound: columns are texts and numbers`)
}

function toElement(value: unknown): string {
  const text = toText(value)
  return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`
}
