import type { EncodedValue } from './codec.js';
import type { StoreError } from './errors.js';
import type { Page } from './listing.js';
import type { EncodedSpan } from './span.js';
import type { Durability, Key, LocalEntry, Receipt, RefusedWrite, Status, StorageInfo, Version } from './types.js';

/** A read, as the engine takes it. */
export interface ReadRequest {
  readonly key: Key;
  readonly keyBytes: Uint8Array;
  readonly from: number;
  readonly level: number;
  readonly timeoutMs: number;
  readonly want: number;
}

/** A write, as the engine takes it. It deletes without a value. */
export interface WriteRequest {
  readonly key: Key;
  readonly keyBytes: Uint8Array;
  readonly value: EncodedValue | undefined;
  readonly ttlMs: number;
  readonly context: Uint8Array;
}

/** Who makes a write, and which of its writes it is: one that is handed in again is applied once. */
export interface WriteMark {
  readonly maker: bigint;
  readonly sequence: number;
}

/** A maker that nobody else is. The highest bit says that it makes its writes of one key one after the other. */
export const newMaker = (): bigint => (crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n) | (1n << 63n);

/** A listing, as the engine takes it. */
export interface ListRequest {
  readonly span: EncodedSpan;
  readonly after: Uint8Array;
  readonly limit: number;
  readonly isReverse: boolean;
}

/** A key of a listing. */
export interface Row {
  readonly keyBytes: Uint8Array;
  readonly source: LocalEntry['source'];
  readonly version: Version | undefined;
  readonly expiresAtMs: number | undefined;
  readonly value: EncodedValue;
}

/** Some keys of a listing. */
export type RowPage = Page<Row>;

/** What happens to a subscription. */
export type News =
  | {
      readonly kind: 'changed';
      readonly keyBytes: Uint8Array;
      readonly source: LocalEntry['source'];
      readonly row: Row | undefined;
      /** Nobody has changed it: its time to live is over. */
      readonly isExpiry: boolean;
    }
  | { readonly kind: 'synced' }
  | { readonly kind: 'resync' }
  | { readonly kind: 'ended'; readonly error: StoreError };

/** How far all writes are to come. */
export type FlushUntil = Exclude<Durability, 'memory'>;

/** The leaf of a store: in this page, or in another one. */
export interface LeafPort {
  readonly state: Status;
  readonly pending: number;
  readonly storage: StorageInfo;
  read<T>(request: ReadRequest, signal: AbortSignal | undefined): Promise<T>;
  /** Throws if it cannot be taken and that is known at once; else its receipt ends with the error. */
  write(request: WriteRequest): Receipt;
  list(request: ListRequest, signal: AbortSignal | undefined): Promise<RowPage>;
  /** Tells of keys until it is stopped. */
  subscribe(span: EncodedSpan, listener: (news: News) => void): () => void;
  flush(until: FlushUntil): Promise<void>;
  onStatus(listener: (status: Status) => void): () => void;
  onPending(listener: (pending: number) => void): () => void;
  onRefused(listener: (refused: RefusedWrite) => void): () => void;
  end(): Promise<void>;
}
