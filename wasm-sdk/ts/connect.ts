import { describe, encodeKey } from './codec.js';
import { Connection, renewInstance } from './connection.js';
import { StoreError } from './errors.js';
import * as glue from './henge_wasm.js';
import { checkOptions, checkSignal, checkTimeout, Levels } from './options.js';
import type { Glue, Runtime, Wasm } from './runtime.js';
import { HengeStore } from './store.js';
import type { ConnectOptions, Key, Store, WebSocketClass } from './types.js';
import { socketUrls, type Urls } from './urls.js';

/** The functions of this package. */
export interface EntryPoints {
  /**
   * Connects to a cluster: to the first of `urls` that answers, and to the next when a connection is
   * lost. Resolves when a server has greeted; rejects with `OFFLINE` if none does within
   * `timeoutMs` (5,000 if not given), and with what the server says if it refuses.
   */
  connect(urls: Urls, options?: ConnectOptions): Promise<Store>;
  /** The partition of `key` on a ring of `partitions`. To be called after the first `connect`. */
  partitionOf(key: Key, partitions: number): number;
}

/** The functions of this package on one runtime. */
export function entryPoints(runtime: Runtime): EntryPoints {
  const engine = new EngineModule(runtime);
  return {
    connect: (urls, options) => connect(engine, runtime, urls, options),
    partitionOf: (key, partitions) => engine.loaded('partitionOf()').partitionOf(encodeKey(key), partitions),
  };
}

async function connect(engine: EngineModule, runtime: Runtime, urls: Urls, options: ConnectOptions = {}): Promise<Store> {
  checkOptions('connect()', OPTIONS, options);
  checkSignal(options.signal);
  const timeoutMs = checkTimeout(options.timeoutMs);
  const addresses = socketUrls(urls);
  const glue = await engine.load(options.wasm);
  const levels = new Levels(glue.levelCode);
  levels.code(options.r);
  levels.code(options.w);
  const socketClass = options.WebSocket ?? (await webSocket(runtime));
  const connection = new Connection(glue, addresses, socketClass);
  await connection.open(timeoutMs, options.signal);
  return new HengeStore(connection, levels, { r: options.r, w: options.w, timeoutMs: options.timeoutMs });
}

async function webSocket(runtime: Runtime): Promise<WebSocketClass> {
  const found = await runtime.webSocket();
  if (found) return found;
  throw new StoreError('UNSUPPORTED', 'this runtime has no WebSocket; hand one in: connect(url, { WebSocket })');
}

/** The engine, loaded once for all stores. */
class EngineModule {
  #runtime: Runtime;
  #loading: Promise<unknown> | undefined;
  #isLoaded = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Loads the engine; from `wasm`, if that is given and it is not loaded yet. */
  async load(wasm: Wasm | undefined): Promise<Glue> {
    this.#loading ??= this.#load(wasm);
    try {
      await this.#loading;
    } catch (cause) {
      // What has failed once may be tried again.
      this.#loading = undefined;
      const advice = wasm === undefined ? this.#runtime.advice : 'the option "wasm" must be henge_wasm_bg.wasm of this version of henge';
      const reason = (cause as Error)?.message ?? describe(cause);
      throw new StoreError('UNSUPPORTED', `henge's engine could not be loaded (${reason}); ${advice}`, { cause });
    }
    this.#isLoaded = true;
    return this.loaded('connect()');
  }

  /** The engine, for `who` cannot wait for it. */
  loaded(who: string): Glue {
    if (!this.#isLoaded) {
      throw new StoreError('UNSUPPORTED', `${who} needs the engine, which is loaded by the first connect(); await that`);
    }
    renewInstance(glue);
    return glue;
  }

  async #load(wasm: Wasm | undefined): Promise<void> {
    await glue.default({ module_or_path: wasm ?? (await this.#runtime.wasm()) });
  }
}

const OPTIONS: readonly string[] = ['r', 'w', 'timeoutMs', 'signal', 'WebSocket', 'wasm'];
