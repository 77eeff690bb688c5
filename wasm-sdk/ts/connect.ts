import { describe, encodeKey } from './codec.js';
import { Connection, renewInstance } from './connection.js';
import { StoreError } from './errors.js';
import { checkOptions, checkSignal, checkTimeout, Levels } from './options.js';
import type { Glue, Runtime } from './runtime.js';
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
  #loading: Promise<Glue> | undefined;
  #glue: Glue | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Loads the engine; from `wasm`, if that is given and it is not loaded yet. */
  async load(wasm: ConnectOptions['wasm']): Promise<Glue> {
    this.#loading ??= this.#load(wasm);
    try {
      this.#glue = await this.#loading;
    } catch (cause) {
      // What has failed once may be tried again.
      this.#loading = undefined;
      throw new StoreError(
        'UNSUPPORTED',
        `henge_wasm_bg.wasm could not be loaded (${(cause as Error)?.message ?? describe(cause)}); serve it beside ` +
          "henge's JavaScript as application/wasm, or hand it in: connect(url, { wasm })",
        { cause },
      );
    }
    renewInstance(this.#glue);
    return this.#glue;
  }

  /** The engine, for `who` cannot wait for it. */
  loaded(who: string): Glue {
    if (!this.#glue) {
      throw new StoreError('UNSUPPORTED', `${who} needs the engine, which is loaded by the first connect(); await that`);
    }
    renewInstance(this.#glue);
    return this.#glue;
  }

  async #load(wasm: ConnectOptions['wasm']): Promise<Glue> {
    if (wasm === undefined) return this.#runtime.load();
    const glue = await import('./henge_wasm.js');
    await glue.default({ module_or_path: wasm });
    return glue;
  }
}

const OPTIONS: readonly string[] = ['r', 'w', 'timeoutMs', 'signal', 'WebSocket', 'wasm'];
