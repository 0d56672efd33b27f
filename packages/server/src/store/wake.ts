/** Wake-ups inside this process: who listens to which channel. */
import type { WakeChannel } from './store.ts'

export interface WakeBus {
  emit(channel: WakeChannel, payload: string): void
  on(channel: WakeChannel, heard: (payload: string) => void): () => void
}

export function createWakeBus(): WakeBus {
  const listeners = new Map<WakeChannel, Set<(payload: string) => void>>()
  return {
    emit(channel, payload) {
      for (const heard of listeners.get(channel) ?? []) heard(payload)
    },
    on(channel, heard) {
      const set = listeners.get(channel) ?? new Set()
      listeners.set(channel, set)
      set.add(heard)
      return () => set.delete(heard)
    },
  }
}
