import { ChangeQueue } from './changes.js';
import { decodeContext, decodeKey, decodeValue, encodeKey, encodeValue, type EncodedValue } from './codec.js';
import type { LeafPort, News, Row, RowPage } from './leaf-port.js';
import { PagedListing, rangeOf, type ListRange } from './listing.js';
import { namespaceOf } from './namespace.js';
import { checkChoice, checkOptions, checkSignal, checkTimeout, checkTtl, type Levels } from './options.js';
import { Peeks } from './peeks.js';
import { encodeSpan, nameOf, type EncodedSpan } from './span.js';
import type { StoreError } from './errors.js';
import { Want } from './store.js';
import type {
  Change,
  FlushOptions,
  Key,
  ListEntry,
  Listing,
  ListOptions,
  LocalEntry,
  LocalReadOptions,
  LocalStore,
  LocalWriteOptions,
  Receipt,
  RefusedWrite,
  Selector,
  Status,
  StorageInfo,
  Update,
  Value,
  WatchOptions,
} from './types.js';
import { Updates } from './updates.js';

/** The store that `open()` returns. */
export class HengeLocalStore implements LocalStore {
  readonly name: string;
  #port: LeafPort;
  #levels: Levels;
  #hasServers: boolean;
  #peeks = new Peeks();
  #updates = new Updates();

  constructor(name: string, port: LeafPort, levels: Levels, hasServers: boolean) {
    this.name = name;
    this.#port = port;
    this.#levels = levels;
    this.#hasServers = hasServers;
  }

  get storage(): StorageInfo {
    return this.#port.storage;
  }

  get status(): Status {
    return this.#port.state;
  }

  get pending(): number {
    return this.#port.pending;
  }

  async get<T = Value>(key: Key, options?: LocalReadOptions): Promise<T | undefined> {
    return this.#read<T | undefined>('get()', key, options, Want.value);
  }

  async getEntry<T = Value>(key: Key, options?: LocalReadOptions): Promise<LocalEntry<T> | undefined> {
    return this.#read<LocalEntry<T> | undefined>('getEntry()', key, options, Want.entry);
  }

  async has(key: Key, options?: LocalReadOptions): Promise<boolean> {
    return this.#read<boolean>('has()', key, options, Want.existence);
  }

  async put<T = Value>(key: Key, value: T, options?: LocalWriteOptions): Promise<Receipt> {
    checkOptions('put()', PUT_OPTIONS, options);
    return this.#write(key, encodeValue(value), options);
  }

  async delete(key: Key, options?: Omit<LocalWriteOptions, 'ttlMs'>): Promise<Receipt> {
    checkOptions('delete()', DELETE_OPTIONS, options);
    return this.#write(key, undefined, options);
  }

  async getMany<T = Value>(keys: readonly Key[], options?: LocalReadOptions): Promise<(T | undefined)[]> {
    return Promise.all(Array.from(keys, (key) => this.#read<T | undefined>('getMany()', key, options, Want.value)));
  }

  async putMany<T = Value>(entries: Iterable<readonly [Key, T]>, options?: LocalWriteOptions): Promise<Receipt[]> {
    checkOptions('putMany()', PUT_OPTIONS, options);
    return Promise.all(Array.from(entries, ([key, value]) => this.#write(key, encodeValue(value), options)));
  }

  async update<T = Value>(key: Key, change: Update<T>, options?: LocalWriteOptions): Promise<T | undefined> {
    checkOptions('update()', PUT_OPTIONS, options);
    const read = (): Promise<LocalEntry<T> | undefined> =>
      this.#read<LocalEntry<T> | undefined>('update()', key, undefined, Want.entry).catch((error: StoreError) => {
        // There is neither a connection nor a copy: as far as this device knows there is no value.
        if (error.code === 'UNAVAILABLE' && error.retryable) return undefined;
        throw error;
      });
    return this.#updates.run<T>(key, change, read, (value, context) =>
      this.#write(key, value === undefined ? undefined : encodeValue(value), { ...options, context: options?.context ?? context }),
    );
  }

  list<T = Value>(options: ListOptions = {}): Listing<T> {
    checkOptions('list()', LIST_OPTIONS, options);
    const from = checkChoice('from', ['nearest', 'local'] as const, options.from) ?? 'nearest';
    const range = rangeOf(options);
    return this.#list<T>(range, () => (from === 'local' ? Promise.resolve() : this.#whole(range.span)));
  }

  subscribe<T = Value>(target: Key | Selector, listener: (change: Change<T>) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('subscribe() takes a function');
    const span = encodeSpan('subscribe()', target);
    const release = this.#peeks.hold(span, async () => {
      const page = await this.#port.list({ span, after: new Uint8Array(0), limit: 1, isReverse: false }, undefined);
      return page.rows[0] && entryOf(page.rows[0]).value;
    });
    const stop = this.#port.subscribe(span, (news) => {
      const change = this.#changeOf<T>(news);
      if (change) listener(change);
    });
    return () => {
      stop();
      release();
    };
  }

  async *watch<T = Value>(target: Key | Selector, options: WatchOptions = {}): AsyncGenerator<Change<T>, void> {
    checkOptions('watch()', ['initial', 'signal'], options);
    checkSignal(options.signal);
    const span = encodeSpan('watch()', target);
    const queue = new ChangeQueue<Change<T>>();
    const stop = this.subscribe<T>(target, (change) => queue.put(change));
    try {
      if (options.initial) {
        const range = { span, after: new Uint8Array(0), limit: Infinity, isReverse: false, signal: options.signal };
        const rows = this.#list<T>(range, async () => undefined);
        for await (const entry of rows) yield { type: 'set', ...entry } as Change<T>;
      }
      yield* queue.take(options.signal);
    } finally {
      stop();
    }
  }

  peek<T = Value>(key: Key): T | undefined {
    return this.#peeks.get(nameOf(encodeKey(key))) as T | undefined;
  }

  namespace(prefix: string): LocalStore {
    return namespaceOf(this, prefix);
  }

  async flush(options?: FlushOptions): Promise<void> {
    checkOptions('flush()', ['durability'], options);
    return this.#port.flush(checkChoice('durability', ['local', 'ring'] as const, options?.durability) ?? 'ring');
  }

  onStatus(listener: (status: Status) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onStatus() takes a function');
    return this.#port.onStatus(listener);
  }

  onPending(listener: (pending: number) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onPending() takes a function');
    return this.#port.onPending(listener);
  }

  onRefused(listener: (refused: RefusedWrite) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onRefused() takes a function');
    return this.#port.onRefused(listener);
  }

  async close(): Promise<void> {
    await this.#port.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lists what is here, once `ready` says so. */
  #list<T>({ span, isReverse, ...range }: ListRange, ready: () => Promise<void>): PagedListing<Row, ListEntry<T>> {
    let isReady: Promise<void> | undefined;
    const page = async (after: Uint8Array, left: number): Promise<RowPage> => {
      await (isReady ??= ready());
      return this.#port.list({ span, after, limit: Math.min(left, PAGE_ENTRIES), isReverse }, range.signal);
    };
    return new PagedListing<Row, ListEntry<T>>({ span, isReverse, ...range }, page, entryOf<T>);
  }

  /** Resolves when all that the ring has of `span` is here, or cannot be had now. */
  async #whole(span: EncodedSpan): Promise<void> {
    const isHopeless = ({ state }: Status): boolean => state !== 'connected' && state !== 'connecting';
    if (!this.#hasServers || isHopeless(this.status)) return;
    const stops: (() => void)[] = [];
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WHOLE_MS_MAX);
      stops.push(
        () => clearTimeout(timer),
        this.onStatus((status) => isHopeless(status) && resolve()),
        this.#port.subscribe(span, ({ kind }) => (kind === 'synced' || kind === 'ended') && resolve()),
      );
    }).finally(() => {
      for (const stop of stops) stop();
    });
  }

  /** What an application is told. */
  #changeOf<T>(news: News): Change<T> | undefined {
    switch (news.kind) {
      case 'changed': {
        const { keyBytes, row } = news;
        const source = news.source === 'waiting' ? 'waiting' : 'copy';
        const entry = row && entryOf<T>(row);
        this.#peeks.changed(nameOf(keyBytes), entry?.value);
        return entry ? { type: 'set', ...entry, source } : { type: 'delete', key: decodeKey(keyBytes), source };
      }
      case 'synced':
        return { type: 'synced' };
      default:
        this.#peeks.reload();
        return { type: 'resync' };
    }
  }

  #read<T>(call: string, key: Key, options: LocalReadOptions | undefined, want: number): Promise<T> {
    checkOptions(call, READ_OPTIONS, options);
    checkSignal(options?.signal);
    const from = checkChoice('from', SOURCES, options?.from) ?? 'nearest';
    const level = this.#levels.code(options?.r);
    const timeoutMs = checkTimeout(options?.timeoutMs);
    const keyBytes = encodeKey(key);
    return this.#port.read({ key, keyBytes, from: SOURCES.indexOf(from), level, timeoutMs, want }, options?.signal);
  }

  async #write(
    key: Key,
    value: EncodedValue | undefined,
    options: LocalWriteOptions | undefined,
  ): Promise<Receipt> {
    checkSignal(options?.signal);
    const until = checkChoice('durability', ['memory', 'local', 'edge', 'ring'] as const, options?.durability) ?? 'local';
    const ttlMs = checkTtl(options?.ttlMs);
    const receipt = this.#port.write({ key, keyBytes: encodeKey(key), value, ttlMs, context: decodeContext(options?.context) });
    return receipt.until(until, options?.signal);
  }
}

/** A key of a listing, for applications. */
function entryOf<T>({ keyBytes, source, version, value }: Row): ListEntry<T> {
  const key = decodeKey(keyBytes);
  const entry = { key, value: decodeValue(value.encoding, value.bytes, key) as T, source };
  return version === undefined ? entry : { ...entry, version };
}

/** Keys of one page. */
const PAGE_ENTRIES = 256;
/** How long a listing waits for the ring, in milliseconds. */
const WHOLE_MS_MAX = 5_000;
/** Where to read, as the engine numbers it. */
const SOURCES = ['nearest', 'local', 'ring'] as const;
const READ_OPTIONS: readonly string[] = ['from', 'r', 'timeoutMs', 'signal'];
const LIST_OPTIONS: readonly string[] = ['prefix', 'start', 'end', 'limit', 'reverse', 'cursor', 'from', 'signal'];
const DELETE_OPTIONS: readonly string[] = ['durability', 'context', 'signal'];
const PUT_OPTIONS: readonly string[] = [...DELETE_OPTIONS, 'ttlMs'];
