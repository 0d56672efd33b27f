/**
 * docs/proof.md from docs/proof.json, which `npm run proof -- --full` writes: every figure beside its bar, with the
 * command that repeats it.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import {
  describeBar,
  describeValue,
  type Figure,
  isReached,
} from '../../packages/server/test/support/figure.ts'
import { repositoryRoot } from '../tidy/repository.ts'

export interface ProofRecord {
  readonly title: string
  readonly command: string
  readonly seconds: number
  /** The machine, and the commit that ran on it. */
  readonly ranOn: string
  readonly commit: string
  /** False when the command itself said that something is wrong. */
  readonly isOk: boolean
  readonly figures: readonly Figure[]
}

const file = path.join(repositoryRoot, 'docs/proof.json')

export function readProofs(): Readonly<Record<string, ProofRecord>> {
  if (!existsSync(file)) return {}
  return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, ProofRecord>>
}

export function proofPage(proofs: Readonly<Record<string, ProofRecord>> = readProofs()): string {
  const records = Object.values(proofs)
  const short = records.flatMap(({ figures }) => figures).filter((figure) => !isReached(figure))
  return `# Proof

<!-- Written by \`npm run docs\` from docs/proof.json, which \`npm run proof -- --full\` writes. -->

What is claimed of delivery, and what came out. Server, database and applications share the machine, and everything is stored durably. Most of it is measured on SQLite and on PostgreSQL in the same run. The figures are as they came.

\`npm run proof\` repeats all of it in a short form, in about ten minutes, and prints the table; \`npm run proof -- --full\` takes about an hour and a half.

${verdictOf(records, short)}

${records.map(sectionOf).join('\n')}`
}

function verdictOf(records: readonly ProofRecord[], short: readonly Figure[]): string {
  const judged = records.flatMap(({ figures }) => figures).filter(({ bar }) => bar)
  if (short.length === 0) return `All ${judged.length} figures that have a bar reach it.`
  const list = short.map(
    (one) => `- ${one.title}${databaseOf(one)}: ${describeValue(one)} (${describeBar(one)})`,
  )
  return `${judged.length - short.length} of ${judged.length} figures that have a bar reach it. Short of it:\n\n${list.join('\n')}`
}

function databaseOf({ dialect }: Figure): string {
  if (dialect === undefined) return ''
  return dialect === 'sqlite' ? ', on SQLite' : ', on PostgreSQL'
}

function sectionOf({ title, command, seconds, ranOn, commit, isOk, figures }: ProofRecord): string {
  const rows = [...Map.groupBy(figures, (figure) => figure.title)].map(([name, own]) => rowOf(name, own))
  return `## ${title}

\`${command}\` · ${seconds} s · ${ranOn} · commit ${commit}${isOk ? '' : ' · **the run says that something is wrong**'}

| figure | bar | SQLite | PostgreSQL |
|---|---|---|---|
${rows.join('\n')}
`
}

function rowOf(title: string, figures: readonly Figure[]): string {
  const cell = (dialect: Figure['dialect']): string => {
    const figure = figures.findLast((one) => one.dialect === dialect)
    if (!figure) return '–'
    return isReached(figure) ? describeValue(figure) : `**${describeValue(figure)}**`
  }
  const bar = figures[0] ? describeBar(figures[0]) : ''
  const isOfBoth = figures.some(({ dialect }) => dialect === undefined)
  const cells = isOfBoth ? [cell(undefined), ''] : [cell('sqlite'), cell('postgres')]
  return `| ${[title, bar, ...cells].join(' | ')} |`
}
