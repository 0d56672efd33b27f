/**
 * A map that outlives its process when it is given a file: an application that is started again still knows its
 * sessions, and the sign-out that waited for it finds something to end.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** @param name of the file in `DATA_DIR`; without `DATA_DIR` the map lives in memory alone */
export function keptMap<Value>(name: string, folder = process.env['DATA_DIR']): Map<string, Value> {
  if (!folder) return new Map()
  const file = path.join(folder, `${name}.json`)
  const entries = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as [string, Value][]) : []
  return new KeptMap(file, entries)
}

class KeptMap<Value> extends Map<string, Value> {
  readonly #file: string

  constructor(file: string, entries: readonly [string, Value][]) {
    super()
    this.#file = file
    for (const [key, value] of entries) super.set(key, value)
  }

  override set(key: string, value: Value): this {
    super.set(key, value)
    this.#write()
    return this
  }

  override delete(key: string): boolean {
    const existed = super.delete(key)
    if (existed) this.#write()
    return existed
  }

  /** Whole or not at all: the old file stays until the new one is complete. */
  #write(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify([...this]), { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
  }
}
