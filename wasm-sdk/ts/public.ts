export { StoreError } from './errors.js';
export type { ErrorCode, ErrorDetails } from './errors.js';
export type { EntryPoints } from './entry-points.js';
export type { ChunkStore } from './media/chunks.js';
export type { Urls } from './urls.js';
export type {
  CallOptions,
  Change,
  ConnectOptions,
  Context,
  Durability,
  Entry,
  FlushOptions,
  Key,
  Level,
  ListEntry,
  Listing,
  ListOptions,
  LocalEntry,
  LocalReadOptions,
  LocalStore,
  LocalWriteOptions,
  OpenOptions,
  ReadOptions,
  Receipt,
  RefusedWrite,
  Selector,
  Status,
  StorageInfo,
  StorageKind,
  Store,
  Value,
  Version,
  WatchOptions,
  WebSocketClass,
  WriteOptions,
} from './types.js';
