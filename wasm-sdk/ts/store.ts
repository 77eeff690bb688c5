import { decodeContext, encodeKey, encodeValue } from './codec.js';
import type { Connection, Item } from './connection.js';
import { PagedListing, rangeOf, type ListRange } from './listing.js';
import { many } from './many.js';
import { storeNamespace } from './namespace.js';
import { checkOptions, checkSignal, checkTimeout, checkTtl, type Levels } from './options.js';
import { RingWatch } from './ring-watch.js';
import { encodeSpan } from './span.js';
import type {
  Entry,
  Key,
  Level,
  Listing,
  PutOptions,
  ReadOptions,
  RingListOptions,
  RingWatchOptions,
  Selector,
  Status,
  Store,
  Update,
  UpdateOptions,
  Value,
  Version,
  Watch,
  WriteOptions,
} from './types.js';
import { Updates } from './updates.js';

/** What calls take that say nothing else. */
export interface Defaults {
  r: Level | undefined;
  w: Level | undefined;
  timeoutMs: number | undefined;
}

/** The store that `connect()` returns. */
export class HengeStore implements Store {
  #connection: Connection;
  #levels: Levels;
  #defaults: Defaults;
  #updates = new Updates();

  constructor(connection: Connection, levels: Levels, defaults: Defaults) {
    this.#connection = connection;
    this.#levels = levels;
    this.#defaults = defaults;
  }

  get status(): Status {
    return this.#connection.state;
  }

  async get<T = Value>(key: Key, options?: ReadOptions): Promise<T | undefined> {
    return this.#read<T | undefined>('get()', key, options, Want.value);
  }

  async getEntry<T = Value>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined> {
    return this.#read<Entry<T> | undefined>('getEntry()', key, options, Want.entry);
  }

  async has(key: Key, options?: ReadOptions): Promise<boolean> {
    return this.#read<boolean>('has()', key, options, Want.existence);
  }

  async put<T = Value>(key: Key, value: T, options?: PutOptions): Promise<Version> {
    checkOptions('put()', PUT_OPTIONS, options);
    return this.#put(key, value, options);
  }

  async delete(key: Key, options?: WriteOptions): Promise<Version> {
    checkOptions('delete()', WRITE_OPTIONS, options);
    return this.#delete(key, options);
  }

  async getMany<T = Value>(keys: Iterable<Key>, options?: ReadOptions): Promise<(T | undefined)[]> {
    return many(keys, MANY_MAX, (key) => this.#read<T | undefined>('getMany()', key, options, Want.value));
  }

  async putMany<T = Value>(entries: Iterable<readonly [Key, T]>, options?: PutOptions): Promise<Version[]> {
    checkOptions('putMany()', PUT_OPTIONS, options);
    return many(entries, MANY_MAX, async ([key, value]) => this.#put(key, value, options));
  }

  async update<T = Value>(key: Key, change: Update<T>, options: UpdateOptions = {}): Promise<T | undefined> {
    checkOptions('update()', UPDATE_OPTIONS, options);
    const { r, w, ttlMs, timeoutMs, signal } = options;
    return this.#updates.run<T>(
      key,
      change,
      () => this.getEntry<T>(key, { r, timeoutMs, signal }),
      (value, context) =>
        value === undefined
          ? this.#delete(key, { w, timeoutMs, signal, context })
          : this.#put(key, value, { w, ttlMs, timeoutMs, signal, context }),
    );
  }

  list<T = Value>(options: RingListOptions = {}): Listing<T, Entry<T>> {
    checkOptions('list()', LIST_OPTIONS, options);
    const level = this.#levels.code(options.r ?? this.#defaults.r);
    return this.#list<T>(rangeOf(options), level, checkTimeout(options.timeoutMs ?? this.#defaults.timeoutMs));
  }

  watch<T = Value>(target: Key | Selector, options: RingWatchOptions = {}): Watch<T> {
    checkOptions('watch()', ['initial', 'token', 'signal'], options);
    const { signal } = options;
    checkSignal(signal);
    const span = encodeSpan('watch()', target);
    const range = { span, after: new Uint8Array(0), limit: Infinity, isReverse: false, signal };
    // What is listed at this level and what is told are everything.
    const level = this.#levels.code('quorum');
    const timeoutMs = checkTimeout(this.#defaults.timeoutMs);
    return new RingWatch<T>(this.#connection, span, options, (id) => this.#list<T>(range, level, timeoutMs, id));
  }

  namespace(prefix: string): Store {
    return storeNamespace(this, prefix);
  }

  sessionToken(): string {
    return this.#connection.session();
  }

  onStatus(listener: (status: Status) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onStatus() takes a function');
    return this.#connection.onStatus(listener);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read<T>(call: string, key: Key, options: ReadOptions | undefined, want: number): Promise<T> {
    checkOptions(call, READ_OPTIONS, options);
    checkSignal(options?.signal);
    const level = this.#levels.code(options?.r ?? this.#defaults.r);
    const timeoutMs = checkTimeout(options?.timeoutMs ?? this.#defaults.timeoutMs);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) => engine.get(keyBytes, level, timeoutMs, want));
  }

  #put(key: Key, value: unknown, options: PutOptions | undefined): Promise<Version> {
    const { level, timeoutMs, context } = this.#write(options);
    const ttlMs = checkTtl(options?.ttlMs);
    const { encoding, bytes } = encodeValue(value);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) =>
      engine.put(keyBytes, encoding, bytes, level, timeoutMs, context, ttlMs),
    );
  }

  #delete(key: Key, options: WriteOptions | undefined): Promise<Version> {
    const { level, timeoutMs, context } = this.#write(options);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) => engine.delete(keyBytes, level, timeoutMs, context));
  }

  #write(options: WriteOptions | undefined): { level: number; timeoutMs: number; context: Uint8Array } {
    checkSignal(options?.signal);
    return {
      level: this.#levels.code(options?.w ?? this.#defaults.w),
      timeoutMs: checkTimeout(options?.timeoutMs ?? this.#defaults.timeoutMs),
      context: decodeContext(options?.context),
    };
  }

  #list<T>(range: ListRange, level: number, timeoutMs: number, watch?: number): PagedListing<Item, Entry<T>> {
    const connection = this.#connection;
    return new PagedListing<Item, Entry<T>>(
      range,
      (after, left) => connection.list(range, after, left, level, timeoutMs, watch),
      (item) => connection.entryOf<T>(item),
    );
  }
}

/** What a read wants of an entry, as the engine takes it. */
export const Want = { value: 0, entry: 1, existence: 2 } as const;

/** Calls of `getMany()` and `putMany()` that are under way at a time: as many as are on the line. */
const MANY_MAX = 4_096;
const READ_OPTIONS: readonly string[] = ['r', 'timeoutMs', 'signal'];
const WRITE_OPTIONS: readonly string[] = ['w', 'timeoutMs', 'signal', 'context'];
const PUT_OPTIONS: readonly string[] = [...WRITE_OPTIONS, 'ttlMs'];
const UPDATE_OPTIONS: readonly string[] = ['r', 'w', 'ttlMs', 'timeoutMs', 'signal'];
const LIST_OPTIONS: readonly string[] = ['prefix', 'start', 'end', 'limit', 'reverse', 'cursor', ...READ_OPTIONS];
