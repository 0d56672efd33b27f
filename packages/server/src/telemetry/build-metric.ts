/** Builds the metrics of the catalogue; what one of them means and which labels it has is written there alone. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { type CounterName, catalogue, type GaugeName, type HistogramName, type LabelOf } from './catalogue.ts'

/** Called before each scrape; it sets what it has read. */
type Collect<M> = (this: M) => void | Promise<void>

export function counterOf<N extends CounterName>(
  registry: Registry,
  name: N,
  collect?: Collect<Counter<LabelOf<N>>>,
): Counter<LabelOf<N>> {
  return new Counter({ ...configurationOf(registry, name), ...(collect ? { collect } : {}) })
}

export function gaugeOf<N extends GaugeName>(
  registry: Registry,
  name: N,
  collect?: Collect<Gauge<LabelOf<N>>>,
): Gauge<LabelOf<N>> {
  return new Gauge({ ...configurationOf(registry, name), ...(collect ? { collect } : {}) })
}

export function histogramOf<N extends HistogramName>(
  registry: Registry,
  name: N,
  collect?: Collect<Histogram<LabelOf<N>>>,
): Histogram<LabelOf<N>> {
  const buckets = [...catalogue[name].buckets]
  return new Histogram({ ...configurationOf(registry, name), buckets, ...(collect ? { collect } : {}) })
}

function configurationOf<N extends CounterName | GaugeName | HistogramName>(registry: Registry, name: N) {
  const { help, labels } = catalogue[name]
  return { name, help, labelNames: [...labels] as LabelOf<N>[], registers: [registry] }
}
