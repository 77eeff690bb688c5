export { StoreError } from './errors.js';
export type { ErrorCode, ErrorDetails } from './errors.js';
export type { EntryPoints } from './connect.js';
export type { Urls } from './urls.js';
export type {
  CallOptions,
  ConnectOptions,
  Context,
  Entry,
  Key,
  Level,
  ReadOptions,
  Status,
  Store,
  Value,
  Version,
  WebSocketClass,
  WriteOptions,
} from './types.js';
