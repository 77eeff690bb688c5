import type { EncodedValue } from './codec.js';
import type { Key, Receipt, RefusedWrite, Status, StorageInfo } from './types.js';

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

/** The leaf of a store: in this page, or in another one. */
export interface LeafPort {
  readonly state: Status;
  readonly pending: number;
  readonly storage: StorageInfo;
  read<T>(request: ReadRequest, signal: AbortSignal | undefined): Promise<T>;
  /** Throws if it cannot be taken and that is known at once; else its receipt ends with the error. */
  write(request: WriteRequest): Receipt;
  flush(until: 'local' | 'ring'): Promise<void>;
  onStatus(listener: (status: Status) => void): () => void;
  onRefused(listener: (refused: RefusedWrite) => void): () => void;
  end(): Promise<void>;
}
