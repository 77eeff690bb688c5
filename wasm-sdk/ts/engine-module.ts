import { describe } from './codec.js';
import { StoreError } from './errors.js';
import * as glue from './henge_wasm.js';
import { renewInstance } from './host.js';
import type { Glue, Runtime, Wasm } from './runtime.js';
import type { WebSocketClass } from './types.js';

/** The engine, loaded once for all stores. */
export class EngineModule {
  readonly runtime: Runtime;
  #loading: Promise<unknown> | undefined;
  #isLoaded = false;
  #module: WebAssembly.Module | undefined;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** Loads the engine; from `wasm`, if that is given and it is not loaded yet. */
  async load(wasm: Wasm | undefined): Promise<Glue> {
    this.#loading ??= this.#load(wasm);
    try {
      await this.#loading;
    } catch (cause) {
      // What has failed once may be tried again.
      this.#loading = undefined;
      const advice = wasm === undefined ? this.runtime.advice : 'the option "wasm" must be henge_wasm_bg.wasm of this version of henge';
      const reason = (cause as Error)?.message ?? describe(cause);
      throw new StoreError('UNSUPPORTED', `henge's engine could not be loaded (${reason}); ${advice}`, { cause });
    }
    this.#isLoaded = true;
    return this.loaded('this');
  }

  /** The engine, for `who` cannot wait for it. */
  loaded(who: string): Glue {
    if (!this.#isLoaded) {
      throw new StoreError('UNSUPPORTED', `${who} needs the engine, which is loaded by the first connect() or open(); await that`);
    }
    renewInstance(glue);
    return glue;
  }

  /** The class to open sockets with: `given`, or the runtime's. `call` says who needs it. */
  async webSocket(given: WebSocketClass | undefined, call: string): Promise<WebSocketClass> {
    const found = given ?? (await this.runtime.webSocket());
    if (found) return found;
    throw new StoreError('UNSUPPORTED', `this runtime has no WebSocket; hand one in: ${call}`);
  }

  /** What was loaded, for a worker. */
  module(): WebAssembly.Module {
    if (!this.#module) throw new StoreError('INTERNAL', 'the engine is not loaded');
    return this.#module;
  }

  async #load(wasm: Wasm | undefined): Promise<void> {
    this.#module = await compiled(wasm ?? (await this.runtime.wasm()));
    await glue.default({ module_or_path: this.#module });
  }
}

async function compiled(wasm: Wasm | URL): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (!(wasm instanceof URL)) return WebAssembly.compile(wasm);
  const response = await fetch(wasm);
  if (!response.ok) throw new Error(`${wasm} answers ${response.status}`);
  // Browsers compile while it comes, and keep the result; but only if the server says what it is.
  const isSaid = response.headers.get('content-type')?.startsWith('application/wasm');
  return isSaid ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
