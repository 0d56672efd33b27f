/** Wake-ups inside this process: who listens to which channel. */
import type { Due, Heard, WakeChannel } from './store.ts'

export interface WakeBus {
  emit(channel: WakeChannel, payload: string, due?: readonly Due[]): void
  on(channel: WakeChannel, heard: Heard): () => void
}

export function createWakeBus(): WakeBus {
  const listeners = new Map<WakeChannel, Set<Heard>>()
  return {
    emit(channel, payload, due) {
      for (const heard of listeners.get(channel) ?? []) heard(payload, due)
    },
    on(channel, heard) {
      const set = listeners.get(channel) ?? new Set()
      listeners.set(channel, set)
      set.add(heard)
      return () => set.delete(heard)
    },
  }
}
