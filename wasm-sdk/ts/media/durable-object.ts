import { StoreError } from '../errors.js';
import type { ChunkStore } from './chunks.js';

/** The part of a Durable Object's storage that is used: its class must be one with SQLite. */
export interface DurableObjectStorageLike {
  /** Pairs, read and written at once. */
  readonly kv: {
    get(key: string): unknown;
    put(key: string, value: unknown): void;
    delete(key: string): unknown;
    list(options: { prefix: string }): Iterable<[string, unknown]>;
  };
  /** Does all of `work`, or nothing of it. */
  transactionSync<T>(work: () => T): T;
  /** Resolves when all that was written is durable. */
  sync(): Promise<void>;
}

/** Chunks in the storage of a Durable Object, under keys that begin with `prefix`: for `open({ storage })`. */
export function durableObjectChunks(storage: DurableObjectStorageLike, prefix = 'henge/'): ChunkStore {
  const { kv } = storage;
  if (typeof kv?.list !== 'function') {
    throw new StoreError('UNSUPPORTED', 'this storage has no kv; the class must be one of new_sqlite_classes');
  }
  return {
    kind: 'durable-object',
    names: async () => Array.from(kv.list({ prefix }), ([key]) => key.slice(prefix.length)),
    read: async (names) => names.map((name) => kv.get(prefix + name) as Uint8Array | undefined),
    async commit(puts, removals) {
      storage.transactionSync(() => {
        for (const name of removals) kv.delete(prefix + name);
        for (const [name, bytes] of puts) kv.put(prefix + name, bytes);
      });
      await storage.sync();
    },
    async close() {},
  };
}
