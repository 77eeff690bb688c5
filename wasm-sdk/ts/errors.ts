import type { Key } from './types.js';

/**
 * What went wrong.
 *
 * - `ABORTED`: the call's `signal` fired.
 * - `CLOSED`: the store was closed.
 * - `OFFLINE`: no server could be reached.
 * - `TIMEOUT`: no answer in time; nothing was written.
 * - `UNAVAILABLE`: too few replicas can be reached; nothing was written.
 * - `INDETERMINATE`: a write may or may not have been applied.
 * - `RATE_LIMITED`: a queue is full; nothing was written.
 * - `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`: the key is empty or too long; key and value are too long.
 * - `LEVEL`: no such level, or more replicas than a key has.
 * - `CLOCK_SKEW`: a server's clock is too far off; nothing was written.
 * - `MISROUTED`: the server does not serve this key.
 * - `NO_SUCH_BUCKET`: there is no such bucket; nothing was written.
 * - `PROTOCOL`: client and server do not understand each other.
 * - `CORRUPT`: what is stored cannot be read.
 * - `STORAGE_UNAVAILABLE`: the medium cannot be had, or another program has it.
 * - `QUOTA_EXCEEDED`: the medium is full.
 * - `UNSUPPORTED`: this runtime lacks something that the store needs.
 * - `INTERNAL`: a mistake in Henge.
 */
export type ErrorCode =
  | 'ABORTED'
  | 'CLOSED'
  | 'OFFLINE'
  | 'TIMEOUT'
  | 'UNAVAILABLE'
  | 'INDETERMINATE'
  | 'RATE_LIMITED'
  | 'KEY_TOO_LARGE'
  | 'VALUE_TOO_LARGE'
  | 'LEVEL'
  | 'CLOCK_SKEW'
  | 'MISROUTED'
  | 'NO_SUCH_BUCKET'
  | 'PROTOCOL'
  | 'CORRUPT'
  | 'STORAGE_UNAVAILABLE'
  | 'QUOTA_EXCEEDED'
  | 'UNSUPPORTED'
  | 'INTERNAL';

/** What a store throws, except for arguments that no call can take: those are a `TypeError`. */
export class StoreError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** Whether the same call can succeed later without being changed. */
  readonly retryable: boolean;
  /** The key it is about, if it is about one. */
  readonly key?: Key;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'StoreError';
    this.code = code;
    this.retryable = details.retryable ?? false;
    if (details.key !== undefined) this.key = details.key;
  }
}

/** What else is known of an error. */
export interface ErrorDetails {
  /** See {@link StoreError.retryable}; false if not given. */
  retryable?: boolean;
  /** See {@link StoreError.key}. */
  key?: Key;
  /** What caused it. */
  cause?: unknown;
}
