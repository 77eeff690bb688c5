import { encodeKey } from './codec.js';
import { connect } from './connect.js';
import { EngineModule } from './engine-module.js';
import { open } from './open.js';
import type { Runtime } from './runtime.js';
import type { ConnectOptions, Key, LocalStore, OpenOptions, Store } from './types.js';
import type { Urls } from './urls.js';

/** The functions of this package. */
export interface EntryPoints {
  /**
   * Connects to a cluster: to the first of `urls` that answers, and to the next when a connection is
   * lost. Resolves when a server has greeted; rejects with `OFFLINE` if none does within
   * `timeoutMs` (5,000 if not given), and with what the server says if it refuses.
   */
  connect(urls: Urls, options?: ConnectOptions): Promise<Store>;
  /**
   * Opens a store of this device: what is written is kept here until the ring has it, also while there
   * is no connection, and what was read can be read again without one. Resolves when the storage is
   * open, before there is a connection.
   */
  open(options?: OpenOptions): Promise<LocalStore>;
  /** The partition of `key` on a ring of `partitions`. To be called after the first `connect` or `open`. */
  partitionOf(key: Key, partitions: number): number;
}

/** The functions of this package on one runtime. */
export function entryPoints(runtime: Runtime): EntryPoints {
  const engine = new EngineModule(runtime);
  return {
    connect: (urls, options) => connect(engine, urls, options),
    open: (options) => open(engine, options),
    partitionOf: (key, partitions) => engine.loaded('partitionOf()').partitionOf(encodeKey(key), partitions),
  };
}
