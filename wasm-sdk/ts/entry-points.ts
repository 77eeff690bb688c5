import { encodeKey } from './codec.js';
import { connect } from './connect.js';
import { EngineModule } from './engine-module.js';
import { open } from './open.js';
import type { Runtime } from './runtime.js';
import type { ConnectOptions, Key, LocalStore, OpenOptions, Store } from './types.js';
import type { Urls } from './urls.js';

/** The functions of this package. */
export interface EntryPoints {
  /** Connects to a cluster. */
  connect(urls: Urls, options?: ConnectOptions): Promise<Store>;
  /** Opens a store of this device that takes its writes to a cluster. */
  open(options?: OpenOptions): Promise<LocalStore>;
  /** The partition of `key` on a ring of `partitions`. */
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
