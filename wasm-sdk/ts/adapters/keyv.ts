/**
 * A store of Henge as a storage adapter of Keyv, version 5 or 6.
 *
 * @packageDocumentation
 * @example
 * const keyv = new Keyv(new KeyvHenge(await open({ urls })), { namespace: 'sessions' });
 */
import type { StoreError } from '../errors.js';
import { deleteAll, startingWith, ttlOf, type AnyStore } from './any-store.js';

/** Options of {@link KeyvHenge}. */
export interface KeyvHengeOptions {
  /** What its keys begin with, and `:`. Keyv sets it to its own namespace. */
  namespace?: string | undefined;
}

/** A value with its key, as Keyv hands it over. */
export interface KeyvHengeEntry {
  /** The key. */
  key: string;
  /** The value. */
  value: unknown;
  /** How long it can be read, in milliseconds. */
  ttl?: number | undefined;
}

/** A storage adapter of Keyv. It has one namespace at a time, so make one for each `Keyv`. */
export class KeyvHenge {
  /** Keyv 5 iterates only over stores of a dialect that it knows. */
  opts: Record<string, unknown> = { dialect: 'etcd' };
  /** What its keys begin with, and `:`. */
  namespace: string | undefined;
  #store: AnyStore;

  constructor(store: AnyStore, options: KeyvHengeOptions = {}) {
    if (typeof store?.list !== 'function') throw new TypeError('KeyvHenge takes a store of open() or connect()');
    this.#store = store;
    this.namespace = options.namespace;
  }

  /** The value of a key. */
  async get<T>(key: string): Promise<T | undefined> {
    return this.#store.get<T>(this.#inside(key));
  }

  /** The values of many keys, in their order. */
  async getMany<T>(keys: string[]): Promise<(T | undefined)[]> {
    return this.#store.getMany<T>(keys.map((key) => this.#inside(key)));
  }

  /** Writes a value, which can be read for `ttl` milliseconds, or for ever. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.#store.put(this.#inside(key), value, ttlOf(ttl));
    return true;
  }

  /** Writes many values. Resolves to what each `set` does: Keyv 5 takes that, though its types say that it takes nothing. */
  async setMany(entries: KeyvHengeEntry[]): Promise<any> {
    return Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  /** Deletes a key; resolves with whether it had a value, as far as that can be known now. */
  async delete(key: string): Promise<boolean> {
    const isThere = await this.#store.has(this.#inside(key)).catch((error: StoreError) => {
      // A store of this device takes the deletion also while nobody can be asked.
      if (error.code === 'UNAVAILABLE' && error.retryable) return true;
      throw error;
    });
    if (isThere) await this.#store.delete(this.#inside(key));
    return isThere;
  }

  /** Deletes many keys; resolves with whether all had a value. */
  async deleteMany(keys: string[]): Promise<boolean> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)));
    return deleted.every(Boolean);
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return this.#store.has(this.#inside(key));
  }

  /** Which keys have a value, in their order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /** Deletes all keys of the namespace, or of the store if it has none. */
  async clear(): Promise<void> {
    await deleteAll(this.#store, startingWith(this.#prefix));
  }

  /** The keys of the namespace with their values, in order. */
  async *iterator<T>(): AsyncGenerator<[string, T], void> {
    const prefix = this.#prefix;
    for await (const { key, value } of this.#store.list<T>(startingWith(prefix))) {
      // Keys of bytes are none of Keyv's.
      if (typeof key === 'string') yield [key.slice(prefix.length), value];
    }
  }

  /** Closes the store. */
  async disconnect(): Promise<void> {
    await this.#store.close();
  }

  /** What goes wrong is told to who has called, and nobody else. */
  on(_event: string, _listener: (...news: never[]) => void): this {
    return this;
  }

  get #prefix(): string {
    return this.namespace === undefined ? '' : `${this.namespace}:`;
  }

  #inside(key: string): string {
    return this.#prefix + key;
  }
}

export type { AnyStore } from './any-store.js';
export default KeyvHenge;
