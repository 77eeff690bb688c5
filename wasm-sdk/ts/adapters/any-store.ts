import type { Key, ListEntry, Selector } from '../types.js';

/** What the adapters need of a store: of one of `open()`, of `connect()`, or of a namespace of one. */
export interface AnyStore {
  /** The value of a key. */
  get<T>(key: Key): Promise<T | undefined>;
  /** The values of many keys, in their order. */
  getMany<T>(keys: readonly Key[]): Promise<(T | undefined)[]>;
  /** Whether a key has a value. */
  has(key: Key): Promise<boolean>;
  /** Writes a value. */
  put<T>(key: Key, value: T, options?: { ttlMs?: number | undefined }): Promise<unknown>;
  /** Deletes a key. */
  delete(key: Key): Promise<unknown>;
  /** Keys in order, with their values. */
  list<T>(options?: Selector): AsyncIterable<Pick<ListEntry<T>, 'key' | 'value'>>;
  /** Closes the store. */
  close(): Promise<void>;
}

/** The time to live of a value that is to end in `ms` milliseconds. */
export function ttlOf(ms: number | undefined): { ttlMs?: number } {
  return ms === undefined ? {} : { ttlMs: Math.max(1, Math.ceil(ms)) };
}

/** Deletes all keys of `selector`, some at a time. */
export async function deleteAll(store: AnyStore, selector: Selector): Promise<void> {
  let keys: Key[] = [];
  const deleteThese = async (): Promise<void> => {
    await Promise.all(keys.map((key) => store.delete(key)));
    keys = [];
  };
  for await (const { key } of store.list(selector)) {
    keys.push(key);
    if (keys.length === AT_ONCE) await deleteThese();
  }
  await deleteThese();
}

/** The keys that begin with `prefix`, which may be empty. */
export function startingWith(prefix: string): Selector {
  return prefix === '' ? {} : { prefix };
}

/** Keys that are deleted at once. */
const AT_ONCE = 256;
