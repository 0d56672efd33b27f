/**
 * Where in a JSON text something stands: the first fault, or a value by its path. `JSON.parse` names no position
 * for half of its errors and none at all for values, and a person who wrote the file needs the line.
 *
 * Stricter than `JSON.parse` where that would lose or hide something: a name twice in one object (the first value
 * would go in silence), `__proto__`, U+0000 (no database text holds it), and depth.
 */

export interface JsonFault {
  readonly offset: number
  /** What should have stood there: `a value`, `"," or "}"`, … */
  readonly expected: string
}

export interface TextPosition {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
}

/** Deeper files are refused: no realm export nests a tenth of it. */
const depthMax = 200

/** The first fault, or undefined. `onValue` hears of every value with its path. */
export function scanJson(
  text: string,
  onValue?: (path: string, offset: number) => void,
): JsonFault | undefined {
  const scan = new JsonScan(text, onValue ?? (() => undefined))
  try {
    scan.document()
    return undefined
  } catch (error) {
    if (error instanceof FaultFound) return error.fault
    throw error
  }
}

/** Line and column of an offset. */
export function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

/** `clients[3].attributes["backchannel.logout.url"]`, from a parent path and a member. */
export function memberPath(parent: string, member: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(member)) return `${parent}[${JSON.stringify(member)}]`
  return parent === '' ? member : `${parent}.${member}`
}

class FaultFound extends Error {
  readonly fault: JsonFault
  constructor(fault: JsonFault) {
    super(fault.expected)
    this.fault = fault
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 §7 forbids them unescaped
const stringPattern = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const scalarPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const spacePattern = /[ \t\n\r]*/y

class JsonScan {
  readonly #text: string
  readonly #onValue: (path: string, offset: number) => void
  #offset = 0

  constructor(text: string, onValue: (path: string, offset: number) => void) {
    this.#text = text
    this.#onValue = onValue
  }

  document(): void {
    this.#take(/\ufeff?/y)
    this.#value('', 0)
    if (this.#offset < this.#text.length) this.#fail('the end of the file')
  }

  #value(path: string, depth: number): void {
    this.#take(spacePattern)
    if (depth > depthMax) this.#fail(`at most ${depthMax} levels`)
    this.#onValue(path, this.#offset)
    if (this.#text[this.#offset] === '{') this.#object(path, depth)
    else if (this.#text[this.#offset] === '[') this.#array(path, depth)
    else if (this.#text[this.#offset] === '"') this.#string()
    else if (!this.#take(scalarPattern)) this.#fail('a value')
    this.#take(spacePattern)
  }

  #object(path: string, depth: number): void {
    const names = new Set<string>()
    this.#list('}', () => {
      if (this.#text[this.#offset] !== '"') this.#fail('a name in double quotes')
      const start = this.#offset
      const name = JSON.parse(this.#string()) as string
      if (names.has(name)) this.#fail(`a name that is not ${JSON.stringify(name)} again`, start)
      if (name === '__proto__') this.#fail('a name that is not "__proto__"', start)
      names.add(name)
      this.#take(spacePattern)
      if (!this.#take(/:/y)) this.#fail('":"')
      this.#value(memberPath(path, name), depth + 1)
    })
  }

  #array(path: string, depth: number): void {
    let index = 0
    this.#list(']', () => {
      this.#value(`${path}[${index}]`, depth + 1)
      index += 1
    })
  }

  #list(end: '}' | ']', item: () => void): void {
    this.#offset += 1
    this.#take(spacePattern)
    if (this.#text[this.#offset] === end) {
      this.#offset += 1
      return
    }
    for (;;) {
      this.#take(spacePattern)
      item()
      const next = this.#text[this.#offset]
      if (next !== ',' && next !== end) this.#fail(`"," or "${end}"`)
      this.#offset += 1
      if (next === end) return
    }
  }

  #string(): string {
    const start = this.#offset
    const found = this.#take(stringPattern)
    if (found === undefined) return this.#fail('a closed string without raw control characters')
    if (found.includes('\\u0000') && String(JSON.parse(found)).includes('\0'))
      this.#fail('a text without U+0000', start)
    return found
  }

  /** What the sticky pattern matches here, or undefined for nothing. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    const found = pattern.exec(this.#text)?.[0]
    this.#offset += found?.length ?? 0
    return found || undefined
  }

  #fail(expected: string, offset = this.#offset): never {
    throw new FaultFound({ offset, expected })
  }
}
