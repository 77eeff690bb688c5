import type { StoreError } from './errors.js';

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

/** Options of {@link connect}. */
export interface ConnectOptions extends CallOptions {
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

/** How the connection is. Calls wait while it is `connecting` or `offline`. */
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
  put<T = Value>(key: Key, value: T, options?: WriteOptions): Promise<Version>;
  /** Deletes `key`, whether it has a value or not; resolves like {@link Store.put}. */
  delete(key: Key, options?: WriteOptions): Promise<Version>;
  /** Calls `listener` at every change of {@link Store.status}; returns what stops it. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Closes the connection. Calls that are under way fail with `CLOSED`. */
  close(): Promise<void>;
}
