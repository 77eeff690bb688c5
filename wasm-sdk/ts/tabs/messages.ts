import type { ErrorCode } from '../errors.js';
import { StoreError } from '../errors.js';
import type { FlushUntil, ListRequest, News, ReadRequest, WriteMark, WriteRequest } from '../leaf-port.js';
import type { EncodedSpan } from '../span.js';
import type { Durability, Key, Status, StorageInfo, Version } from '../types.js';

/** The name of what leads to a tab, and of the lock that the tab holds. */
export function lineOf(name: string, tab: string): string {
  return `${name}:${tab}`;
}

/** What is said to all tabs that have a store open: a new leader is there, or a tab looks for it. */
export type Call = { kind: 'leader' } | { kind: 'looking'; tab: string };

/** What a follower asks of the leader. The numbers are the follower's. */
export type Question =
  | { kind: 'read'; number: number; request: ReadRequest }
  | { kind: 'list'; number: number; request: ListRequest }
  | { kind: 'cancel'; number: number }
  | { kind: 'subscribe'; number: number; span: EncodedSpan }
  | { kind: 'unsubscribe'; number: number }
  | { kind: 'write'; mark: WriteMark; request: WriteRequest }
  | { kind: 'flush'; number: number; until: FlushUntil };

/** What the leader tells a follower. */
export type Answer =
  | { kind: 'state'; leader: string; status: ClonedStatus; pending: number; storage: StorageInfo }
  | { kind: 'done'; number: number; value: unknown }
  | { kind: 'failed'; number: number; error: ClonedError }
  | { kind: 'reached'; sequence: number; durability: Durability; version: Version | undefined }
  | { kind: 'ended'; sequence: number; error: ClonedError }
  | { kind: 'news'; number: number; news: ClonedNews }
  | { kind: 'refused'; key: Key; error: ClonedError };

/** An error as it goes from tab to tab. */
export interface ClonedError {
  readonly name: string;
  readonly message: string;
  readonly code: ErrorCode | undefined;
  readonly retryable: boolean;
  readonly key: Key | undefined;
}

/** A status as it goes from tab to tab. */
export type ClonedStatus = Exclude<Status, { error: StoreError }> | { state: 'offline'; retryAt: Date; error: ClonedError } | { state: 'failed'; error: ClonedError };

/** News of a subscription as it goes from tab to tab. */
export type ClonedNews = Exclude<News, { error: StoreError }> | { kind: 'ended'; error: ClonedError };

/** News to send. */
export function cloneNews(news: News): ClonedNews {
  return 'error' in news ? { ...news, error: cloneError(news.error) } : news;
}

/** News that were sent. */
export function newsOfClone(news: ClonedNews): News {
  return 'error' in news ? { ...news, error: errorOfClone(news.error) } : news;
}

/** An error to send. */
export function cloneError(error: unknown): ClonedError {
  const { name, message, code, retryable, key } = error as StoreError;
  return { name, message: message ?? String(error), code, retryable: retryable ?? false, key };
}

/** An error that was sent. */
export function errorOfClone({ message, code, retryable, key }: ClonedError): StoreError {
  return new StoreError(code ?? 'INTERNAL', message, key === undefined ? { retryable } : { retryable, key });
}

/** A status to send. */
export function cloneStatus(status: Status): ClonedStatus {
  return 'error' in status ? { ...status, error: cloneError(status.error) } : status;
}

/** A status that was sent. */
export function statusOfClone(status: ClonedStatus): Status {
  return 'error' in status ? { ...status, error: errorOfClone(status.error) } : status;
}
