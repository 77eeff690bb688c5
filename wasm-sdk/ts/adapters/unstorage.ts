/**
 * A store of Henge as a driver of unstorage.
 *
 * @packageDocumentation
 * @example
 * const storage = createStorage({ driver: hengeDriver({ store: await open({ urls }), base: 'app' }) });
 */
import { describe } from '../codec.js';
import type { StoreError } from '../errors.js';
import type { Key, LocalEntry, Selector } from '../types.js';
import { deleteAll, startingWith, ttlOf, type AnyStore } from './any-store.js';

/** A store that also tells of changes and of entries. */
export interface DriverStore extends AnyStore {
  /** The value of a key, with its version and siblings. */
  getEntry<T>(key: Key): Promise<Pick<LocalEntry<T>, 'version' | 'siblings'> | undefined>;
  /** What happens to keys. */
  watch(target: Selector, options?: { signal?: AbortSignal | undefined }): AsyncIterable<DriverChange>;
}

/** What is taken of a change. */
export interface DriverChange {
  /** `set`, `delete`, or something else. */
  readonly type: string;
  /** Whose, if it is of one key. */
  readonly key?: Key;
}

/** Options of {@link hengeDriver}. */
export interface HengeDriverOptions {
  /** The store. The storage closes it when it is disposed of. */
  store: DriverStore;
  /** What its keys begin with, and `:`. */
  base?: string | undefined;
  /** How long values can be read that name no `ttl` themselves, in seconds; for ever if not given. */
  ttl?: number | undefined;
}

/** What calls of the driver take. */
export interface HengeCallOptions {
  /** How long the value can be read, in seconds. */
  ttl?: number | undefined;
}

/** A driver of unstorage. */
export default function hengeDriver(options: HengeDriverOptions) {
  const { store, base = '', ttl } = options;
  if (typeof store?.list !== 'function') throw new TypeError('hengeDriver() takes { store: await open(...) } or connect()');
  if (typeof base !== 'string') throw new TypeError(`base must be text, not ${describe(base)}`);
  const head = base === '' || base.endsWith(':') ? base : `${base}:`;
  const put = async (key: string, value: unknown, call: HengeCallOptions | undefined): Promise<void> => {
    const seconds = call?.ttl ?? ttl;
    await store.put(head + key, value, ttlOf(seconds && seconds * 1000));
  };
  const below = (part: string | undefined): Selector => startingWith(head + (part ?? ''));
  return {
    name: 'henge',
    flags: { ttl: true },
    options,
    getInstance: (): DriverStore => store,
    hasItem: (key: string): Promise<boolean> => store.has(head + key),
    getItem: async (key: string): Promise<string | null> => (await store.get<string>(head + key)) ?? null,
    async getItems(items: { key: string }[]): Promise<{ key: string; value: string | null }[]> {
      const values = await store.getMany<string>(items.map(({ key }) => head + key));
      return items.map(({ key }, at) => ({ key, value: values[at] ?? null }));
    },
    getItemRaw: async (key: string): Promise<unknown> => (await store.get(head + key)) ?? null,
    setItem: (key: string, value: string, call?: HengeCallOptions): Promise<void> => put(key, value, call),
    async setItems(items: { key: string; value: string; options?: HengeCallOptions }[], common?: HengeCallOptions): Promise<void> {
      await Promise.all(items.map(({ key, value, options }) => put(key, value, { ...common, ...options })));
    },
    setItemRaw: (key: string, value: unknown, call?: HengeCallOptions): Promise<void> => put(key, bytesOf(value), call),
    async removeItem(key: string): Promise<void> {
      await store.delete(head + key);
    },
    /** The version, and how many values are concurrent to the one that is shown. */
    async getMeta(key: string): Promise<{ version?: string; siblings: number } | null> {
      const entry = await store.getEntry(head + key);
      if (!entry) return null;
      const siblings = entry.siblings?.length ?? 0;
      return entry.version === undefined ? { siblings } : { version: entry.version, siblings };
    },
    async getKeys(part?: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of store.list(below(part))) if (typeof key === 'string') keys.push(key.slice(head.length));
      return keys;
    },
    clear: (part?: string): Promise<void> => deleteAll(store, below(part)),
    dispose: (): Promise<void> => store.close(),
    /**
     * Tells of changes made here and elsewhere; of one made on this device twice: then, and when the ring has it. Resolves
     * when it has begun, or a second later if there is no connection.
     */
    async watch(callback: (event: 'update' | 'remove', key: string) => unknown): Promise<() => void> {
      const ending = new AbortController();
      const changes = store.watch(below(undefined), { signal: ending.signal });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, BEGIN_MS_MAX);
        const tell = ({ type, key }: DriverChange): void => {
          if (typeof key === 'string') callback(type === 'set' ? 'update' : 'remove', key.slice(head.length));
          if (type !== 'synced') return;
          clearTimeout(timer);
          resolve();
        };
        void forEach(changes, tell).catch((error: StoreError) => {
          if (error.code !== 'ABORTED' && error.code !== 'CLOSED') throw error;
        });
      });
      return () => ending.abort();
    },
  };
}

async function forEach(changes: AsyncIterable<DriverChange>, tell: (change: DriverChange) => void): Promise<void> {
  for await (const change of changes) tell(change);
}

/** Bytes as a store takes them; anything else as it is. */
function bytesOf(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value;
}

/** How long a watch may take to begin, in milliseconds. */
const BEGIN_MS_MAX = 1_000;
