import type { ChunkStore } from './chunks.js';

/** Chunks in memory: gone with the store. */
export function memoryChunks(): ChunkStore {
  const chunks = new Map<string, Uint8Array>();
  return {
    kind: 'memory',
    names: async () => [...chunks.keys()],
    read: async (names) => names.map((name) => chunks.get(name)),
    async commit(puts, removals) {
      for (const name of removals) chunks.delete(name);
      for (const [name, bytes] of puts) chunks.set(name, bytes);
    },
    async close() {},
  };
}
