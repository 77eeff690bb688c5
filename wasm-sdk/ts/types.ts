import type { StoreError } from './errors.js';
import type { ChunkStore } from './media/chunks.js';
import type { Urls } from './urls.js';

/** A key: text (stored as UTF-8) or bytes; 1 to 1,024 bytes. `{tag}` in it decides its partition. */
export type Key = string | Uint8Array;

/**
 * A value: text, bytes, or what `JSON.stringify` can write. Text reads back as text, bytes as a
 * `Uint8Array`, anything else as `JSON.parse` reads it.
 */
export type Value = unknown;

/** Which write a value comes from. Opaque; later versions compare greater. */
export type Version = string;

/** What a reader has seen. Opaque; hand it back in a write to replace all that was read. */
export type Context = string;

/** How many replicas must have answered; a number is R or W itself. */
export type Level = 'one' | 'quorum' | 'all' | 'local_quorum' | 'each_quorum' | number;

/** What every call takes. */
export interface CallOptions {
  /** Gives the call up. A write that was sent may be applied nevertheless. */
  signal?: AbortSignal | undefined;
  /** How long to wait for the outcome, with all retries: 1 to 60,000 ms; 5,000 if not given. */
  timeoutMs?: number | undefined;
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /** Replicas that must agree; the cluster's own level if not given. */
  r?: Level | undefined;
}

/** Options of a write. */
export interface WriteOptions extends CallOptions {
  /** Replicas on which the write must be durable; the cluster's own level if not given. */
  w?: Level | undefined;
  /** The context of the entry that was read: the write replaces it and all its siblings. */
  context?: Context | undefined;
}

/** Options of {@link Store.put}. */
export interface PutOptions extends WriteOptions {
  /** How long the value can be read, in milliseconds from when the ring takes it; as its bucket says if not given. */
  ttlMs?: number | undefined;
}

/** Options of {@link Store.update}. */
export interface UpdateOptions extends CallOptions, Pick<ReadOptions, 'r'>, Pick<PutOptions, 'w' | 'ttlMs'> {}

/**
 * What an update makes of the present value and of those concurrent to it: another value, or `undefined` to delete the
 * key. It replaces all of them.
 */
export type Update<T = Value> = (value: T | undefined, siblings: readonly T[]) => T | undefined | Promise<T | undefined>;

/** Options of {@link connect}. */
export interface ConnectOptions extends CallOptions {
  /** The bucket of all keys; `default` if not given. */
  bucket?: string | undefined;
  /** What {@link Store.sessionToken} of another store has given: no read goes back behind what that one has seen. */
  session?: string | undefined;
  /** Level of reads that name none. */
  r?: Level | undefined;
  /** Level of writes that name none. */
  w?: Level | undefined;
  /** Where to find a `WebSocket` class, if the runtime has none. */
  WebSocket?: WebSocketClass | undefined;
  /** `henge_wasm_bg.wasm`, if the bundler does not find it by itself. */
  wasm?: BufferSource | WebAssembly.Module | undefined;
}

/** The part of the `WebSocket` class that a store uses. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => WebSocket;

/** A key with all that is known of it. */
export interface Entry<T = Value> {
  /** The key, as it was asked for. */
  readonly key: Key;
  /** The value; of concurrent values the one that every replica picks. */
  readonly value: T;
  /** The write it comes from. */
  readonly version: Version;
  /** Hand it back in a write to replace this entry and its siblings. */
  readonly context: Context;
  /** The values that are concurrent to `value`, if there are any. */
  readonly siblings?: readonly T[];
}

/**
 * How the connection is. Calls wait while it is `connecting` or `offline`.
 *
 * - `connecting`: a server is being dialled.
 * - `connected`: to the server `member`; a key has `replicas` replicas.
 * - `offline`: no server was reached, because of `error`; the next attempt is at `retryAt`.
 * - `failed`: the servers refuse this client, or the engine has failed; `error` says which. Open another store.
 * - `closed`: it was closed.
 */
export type Status =
  | { readonly state: 'connecting' }
  | { readonly state: 'connected'; readonly member: string; readonly replicas: number }
  | { readonly state: 'offline'; readonly retryAt: Date; readonly error: StoreError }
  | { readonly state: 'failed'; readonly error: StoreError }
  | { readonly state: 'closed' };

/** A connection to the ring; made by {@link connect}. */
export interface Store extends AsyncDisposable {
  /** How the connection is. The same object until that changes. */
  readonly status: Status;
  /** The value of `key`; `undefined` if it has none. */
  get<T = Value>(key: Key, options?: ReadOptions): Promise<T | undefined>;
  /** The value of `key` with its version, context and siblings; `undefined` if it has none. */
  getEntry<T = Value>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined>;
  /** Whether `key` has a value. */
  has(key: Key, options?: ReadOptions): Promise<boolean>;
  /** Writes a value; resolves when it is durable on as many replicas as asked. */
  put<T = Value>(key: Key, value: T, options?: PutOptions): Promise<Version>;
  /** Deletes `key`, whether it has a value or not; resolves like {@link Store.put}. */
  delete(key: Key, options?: WriteOptions): Promise<Version>;
  /** The values of any number of keys, in their order. */
  getMany<T = Value>(keys: Iterable<Key>, options?: ReadOptions): Promise<(T | undefined)[]>;
  /**
   * Writes any number of values; resolves with their versions, in their order. Each is a write of its own: if one fails, others
   * may have been applied.
   */
  putMany<T = Value>(entries: Iterable<readonly [Key, T]>, options?: PutOptions): Promise<Version[]>;
  /**
   * Writes what `change` makes of the present value, or deletes if that is `undefined`; resolves with it. Updates of a
   * key through one store follow one another. Those of two stores at once make siblings, or the last one wins, as the
   * bucket says.
   */
  update<T = Value>(key: Key, change: Update<T>, options?: UpdateOptions): Promise<T | undefined>;
  /** Keys in order, with all that is known of them. A list is read page by page, and no snapshot. */
  list<T = Value>(options?: RingListOptions): Listing<T, Entry<T>>;
  /** The changes of keys, from when it is iterated until that ends. A slow reader is told `resync`. */
  watch<T = Value>(target: Key | Selector, options?: RingWatchOptions): Watch<T>;
  /** The same store with keys that begin so: they are written and read without that beginning. */
  namespace(prefix: string): Store;
  /**
   * What this store has read and written so far, of the 4,096 keys that were used last, for {@link ConnectOptions.session}
   * of another one: some 40 characters for each key.
   */
  sessionToken(): string;
  /** Calls `listener` at every change of {@link Store.status}; returns what stops it. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Closes the connection. Calls that are under way fail with `CLOSED`. */
  close(): Promise<void>;
}

/** Where a store keeps its files. */
export type StorageKind = 'memory' | 'opfs' | 'indexeddb' | 'fs' | 'durable-object' | 'custom';

/** Which medium a store uses, and why not a better one. */
export interface StorageInfo {
  /** The medium. */
  readonly kind: StorageKind;
  /** Why it is not a better one, if that is so. */
  readonly reason?: string;
  /**
   * What has become of it since the store was open last, if the browser has noticed: all of it was `evicted`, or it is an
   * older state that was `rolled-back`. What is subscribed to comes from the ring again; writes that waited there are gone.
   */
  readonly loss?: 'evicted' | 'rolled-back';
}

/**
 * How far a write has come: it is seen by reads here, it is durable here, it is durable at the edge node that this store
 * is connected with, it is durable on the ring.
 */
export type Durability = 'memory' | 'local' | 'edge' | 'ring';

/** Options of {@link open}. */
export interface OpenOptions {
  /** Which store of this device; one name is open once. `default` if not given. */
  name?: string | undefined;
  /** Servers to take the writes to; without them the store is only local. */
  urls?: Urls | undefined;
  /** Where to keep files. The best that there is, if not given. */
  storage?: 'auto' | 'memory' | 'opfs' | 'indexeddb' | 'fs' | ChunkStore | undefined;
  /** The folder of files, where `storage` is `fs`; `.henge` if not given. */
  folder?: string | undefined;
  /** The bucket of all keys; `default` if not given. */
  bucket?: string | undefined;
  /** Memory for the storage, in bytes: at least 4 MiB; 32 MiB if not given. */
  memoryBytes?: number | undefined;
  /** How many keys are kept for reading without a connection, besides the writes that wait; 10,000 if not given. */
  copies?: number | undefined;
  /**
   * Starts a worker whose script is `henge/worker`: it has the store of all tabs, off the page's thread, and
   * its files in OPFS. Called by the tab that leads, and again if the worker ends.
   */
  worker?: (() => Worker) | undefined;
  /** See {@link ConnectOptions.WebSocket}. */
  WebSocket?: WebSocketClass | undefined;
  /** See {@link ConnectOptions.wasm}. */
  wasm?: BufferSource | WebAssembly.Module | undefined;
}

/** Options of a read of a {@link LocalStore}. */
export interface LocalReadOptions extends ReadOptions {
  /**
   * Where to read: `nearest` asks the ring if there is a connection and takes what is here if not,
   * `local` reads only what is here, `ring` asks after the writes to the key that wait. Writes that wait
   * are seen by all but `ring`. `nearest` if not given.
   */
  from?: 'nearest' | 'local' | 'ring' | undefined;
}

/** Options of a write of a {@link LocalStore}. */
export interface LocalWriteOptions {
  /** Resolves when the write has come so far; `local` if not given. */
  durability?: Durability | undefined;
  /** How long the value can be read, in milliseconds from when the ring takes it; for ever if not given. */
  ttlMs?: number | undefined;
  /** The context of the entry that was read: the write replaces it and all its siblings. */
  context?: Context | undefined;
  /** Gives up the wait; the write is kept. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link LocalStore.flush}. */
export interface FlushOptions {
  /** How far all writes must have come; `ring` if not given. */
  durability?: 'local' | 'ring' | undefined;
}

/** A write of a {@link LocalStore}, as far as it has come. */
export interface Receipt {
  /** How far it has come. */
  readonly durability: Durability;
  /** Its version, once the ring has taken it. */
  readonly version: Version | undefined;
  /** Resolves when it has come so far; rejects if it never will. */
  until(durability: Durability, signal?: AbortSignal): Promise<Receipt>;
}

/** A write that the ring does not take. */
export interface RefusedWrite {
  /** Its key; bytes if it was written in an earlier run. */
  readonly key: Key;
  /** Why. */
  readonly error: StoreError;
}

/** A key with all that is known of it on this device. */
export interface LocalEntry<T = Value> extends Omit<Entry<T>, 'version'> {
  /** The write it comes from; none while that waits for the ring. */
  readonly version?: Version;
  /** A write that waits here, a copy of what the ring had, or the ring. */
  readonly source: 'waiting' | 'copy' | 'ring';
}

/** Some keys: those that begin with `prefix`, or those from `start` on and before `end`. `{}` is all. */
export interface Selector {
  /** How they begin. */
  prefix?: Key | undefined;
  /** The first of them. */
  start?: Key | undefined;
  /** What comes behind the last of them. */
  end?: Key | undefined;
}

/** Options of every list. */
export interface PageOptions extends Selector {
  /** How many entries at most; all if not given. */
  limit?: number | undefined;
  /** From the last to the first. */
  reverse?: boolean | undefined;
  /** Behind which key to go on: the `cursor` of an earlier listing. */
  cursor?: Key | undefined;
  /** Gives the listing up. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link LocalStore.list}. */
export interface ListOptions extends PageOptions {
  /**
   * `nearest` first gets all that the ring has of these keys, if there is a connection; `local` lists what is here.
   * `nearest` if not given.
   */
  from?: 'nearest' | 'local' | undefined;
}

/** Options of {@link Store.list}. */
export interface RingListOptions extends PageOptions {
  /** Replicas that must agree; the cluster's own level if not given. */
  r?: Level | undefined;
  /** How long each partition of the ring has to answer; 5,000 ms if not given. */
  timeoutMs?: number | undefined;
}

/** A key of a listing. Keys that are not text are bytes. */
export type ListEntry<T = Value> = Pick<LocalEntry<T>, 'key' | 'value' | 'version' | 'source'>;

/** A listing: iterate it, or take it as an array. */
export interface Listing<T = Value, E = ListEntry<T>> extends AsyncIterable<E> {
  /** The last key that was given out, to go on behind it; `undefined` when there is nothing more. */
  readonly cursor: Key | undefined;
  /** All entries that are left. */
  toArray(): Promise<E[]>;
}

/**
 * What happens to keys that are subscribed to.
 *
 * - `set`: `key` has another value. `source` is `waiting` for a write of this device that the ring does not have.
 * - `delete`: `key` has no value any more.
 * - `synced`: all that the ring has is here: what is read now is that, or newer.
 * - `resync`: some changes were not told: read anew.
 */
export type Change<T = Value> =
  | { readonly type: 'set'; readonly key: Key; readonly value: T; readonly version?: Version; readonly source: 'waiting' | 'copy' }
  | { readonly type: 'delete'; readonly key: Key; readonly source: 'waiting' | 'copy' }
  | { readonly type: 'synced' }
  | { readonly type: 'resync' };

/** What a {@link Watch} of the ring tells. */
export type RingChange<T = Value> =
  | ({ readonly type: 'set'; readonly source: 'ring' } & Entry<T>)
  | { readonly type: 'delete'; readonly key: Key; readonly version: Version; readonly context: Context; readonly source: 'ring' }
  /** What is read now at `quorum`, and what is told from now on, is everything. */
  | { readonly type: 'synced' }
  /** The same, and some changes were not told: read anew. */
  | { readonly type: 'resync' };

/** Options of {@link Store.watch}. */
export interface RingWatchOptions extends WatchOptions {
  /** The {@link Watch.token} of an earlier watch of the same keys: what has changed since then is told first. */
  token?: string | undefined;
}

/** A watch of the ring: iterate it. */
export interface Watch<T = Value> extends AsyncIterable<RingChange<T>> {
  /**
   * Where it is: a watch that begins there tells all that comes after what was taken of this one, and maybe some of that again.
   * `undefined` before it has begun.
   */
  readonly token: string | undefined;
}

/** Options of {@link LocalStore.watch}. */
export interface WatchOptions {
  /** Begin with a `set` for each key that is here. */
  initial?: boolean | undefined;
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
}

/** A store of this device that takes its writes to the ring; made by {@link open}. */
export interface LocalStore extends AsyncDisposable {
  /** Its name on this device. */
  readonly name: string;
  /** Where it keeps its files. */
  readonly storage: StorageInfo;
  /** How the connection is. The same object until that changes. */
  readonly status: Status;
  /** Writes that the ring has not taken. */
  readonly pending: number;
  /** The value of `key`; `undefined` if it has none. */
  get<T = Value>(key: Key, options?: LocalReadOptions): Promise<T | undefined>;
  /** The value of `key` with all that is known of it; `undefined` if it has none. */
  getEntry<T = Value>(key: Key, options?: LocalReadOptions): Promise<LocalEntry<T> | undefined>;
  /** Whether `key` has a value. */
  has(key: Key, options?: LocalReadOptions): Promise<boolean>;
  /** Writes a value, which is seen by reads at once; resolves when it has come as far as asked. */
  put<T = Value>(key: Key, value: T, options?: LocalWriteOptions): Promise<Receipt>;
  /** Deletes `key`, whether it has a value or not; resolves like {@link LocalStore.put}. */
  delete(key: Key, options?: Omit<LocalWriteOptions, 'ttlMs'>): Promise<Receipt>;
  /** The values of many keys, in their order. */
  getMany<T = Value>(keys: readonly Key[], options?: LocalReadOptions): Promise<(T | undefined)[]>;
  /** Writes many values; resolves when all have come as far as asked. */
  putMany<T = Value>(entries: Iterable<readonly [Key, T]>, options?: LocalWriteOptions): Promise<Receipt[]>;
  /**
   * Writes what `change` makes of the present value, or deletes if that is `undefined`; resolves with it. Updates of a
   * key follow one another on this device. Devices that update it at once make siblings, or the last one wins, as the
   * bucket says.
   */
  update<T = Value>(key: Key, change: Update<T>, options?: LocalWriteOptions): Promise<T | undefined>;
  /** Keys in order, with their values. */
  list<T = Value>(options?: ListOptions): Listing<T>;
  /**
   * Keeps keys here as the ring has them, and calls `listener` at each change, made here or elsewhere. Reads of them
   * need no server any more. Returns what stops it.
   */
  subscribe<T = Value>(target: Key | Selector, listener: (change: Change<T>) => void): () => void;
  /** The changes of keys, as {@link LocalStore.subscribe} hears them. A slow reader is told `resync`. */
  watch<T = Value>(target: Key | Selector, options?: WatchOptions): AsyncIterable<Change<T>>;
  /**
   * The value of a key that is subscribed to and was read, listed or changed since, without waiting; the same object
   * until it changes. `undefined` if it has none, or is not in memory.
   */
  peek<T = Value>(key: Key): T | undefined;
  /** The same store with keys that begin so: they are written and read without that beginning. */
  namespace(prefix: string): LocalStore;
  /** Resolves when all that was written so far has come as far as asked. */
  flush(options?: FlushOptions): Promise<void>;
  /** Calls `listener` at every change of {@link LocalStore.status}; returns what stops it. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Calls `listener` when {@link LocalStore.pending} has changed; returns what stops it. */
  onPending(listener: (pending: number) => void): () => void;
  /** Calls `listener` for each write that the ring does not take; returns what stops it. */
  onRefused(listener: (refused: RefusedWrite) => void): () => void;
  /** Closes the store when all writes are durable here; those that wait go to the ring when it is opened again. */
  close(): Promise<void>;
}
