/** The latest answer times of each endpoint, for its 95th percentile. A memory of this process. */
import type { SettledDelivery } from './delivery.ts'

const samplesPerEndpoint = 64
const endpointCountMax = 5000

export interface LatencySample {
  add(endpointId: string, settled: SettledDelivery): void
  p95MsOf(endpointId: string): number | undefined
}

export function createLatencySample(): LatencySample {
  const samples = new Map<string, number[]>()
  return {
    add(endpointId, { settlement: { attempt } }) {
      if (attempt.durationMs === null) return
      const own = samples.get(endpointId) ?? []
      samples.delete(endpointId)
      samples.set(endpointId, own)
      own.push(attempt.durationMs)
      if (own.length > samplesPerEndpoint) own.shift()
      // the endpoint that was heard of longest ago goes first
      if (samples.size > endpointCountMax) samples.delete(samples.keys().next().value as string)
    },
    p95MsOf(endpointId) {
      const own = samples.get(endpointId)
      if (!own) return undefined
      const sorted = own.toSorted((a, b) => a - b)
      return Math.round(sorted[Math.ceil(sorted.length * 0.95) - 1] as number)
    },
  }
}
