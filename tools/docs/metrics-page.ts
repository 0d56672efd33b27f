/**
 * docs/operating/metrics.md: what a monitoring system can read at `/metrics`, from the catalogue that it is built from.
 */
import { catalogue, labels, type MetricFacts } from '../../packages/server/src/telemetry/catalogue.ts'

export function metricsPage(): string {
  const rows = Object.entries<MetricFacts>(catalogue).map(([name, { type, labels: names, help }]) => {
    const list = names.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${list || '–'} | ${help} |`
  })
  const meanings = Object.entries(labels).map(([label, meaning]) => `| \`${label}\` | ${meaning} |`)
  return `# Metrics

<!-- Written by \`npm run docs\` from packages/server/src/telemetry/catalogue.ts. -->

\`GET /metrics\` answers in Prometheus's text format. Ask every process: counters and histograms are of the process that counted, so add them up. Gauges with the label \`realm\` are read from the database, and every process says the same: take one of them (\`max\`).

| metric | type | labels | meaning |
|---|---|---|---|
${rows.join('\n')}

Beside these are those of the process itself (\`process_…\`, \`nodejs_…\`).

## Labels

Client ids are unique within a realm alone, so \`realm\` and \`application\` go together. No label names a person or a session.

| label | values |
|---|---|
${meanings.join('\n')}
`
}
