import { StoreError } from './errors.js';
import type { Engine, EntryObject } from './henge_wasm.js';
import { entryOf, Host } from './host.js';
import { aborted } from './options.js';
import type { Glue } from './runtime.js';
import type { Entry, Key, WebSocketClass } from './types.js';

/** A client of the ring. */
export class Connection extends Host<Engine> {
  constructor(glue: Glue, urls: readonly string[], socketClass: WebSocketClass) {
    super(glue, urls, socketClass, (session, host) => new glue.Engine(session, [...urls], host));
  }

  /** Dials, and waits until a server has greeted. Closes itself if none does. */
  open(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (error?: StoreError): void => {
        clearTimeout(timer);
        stop();
        signal?.removeEventListener('abort', onAbort);
        if (!error) return resolve();
        this.close();
        reject(error);
      };
      const onAbort = (): void => settle(aborted(signal as AbortSignal, 'connect() was given up by its signal'));
      const timer = setTimeout(() => settle(this.unreachable()), timeoutMs || OPEN_DEFAULT_MS);
      const stop = this.onStatus((status) => {
        if (status.state === 'connected') settle();
        if (status.state === 'failed') settle(status.error);
      });
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) return onAbort();
      this.use((engine) => engine.open());
    });
  }

  written(id: number, version: string): void {
    this.take(id)?.resolve(version);
  }

  protected override checkUsable(): void {
    super.checkUsable();
    if (this.state.state === 'failed') throw this.state.error;
  }

  protected cancel(engine: Engine, id: number): boolean {
    return engine.cancel(id);
  }

  protected entry(key: Key, value: unknown, found: EntryObject): Entry {
    return { ...entryOf(key, value, found), version: found.version ?? '' };
  }
}

/** How long `connect()` waits if it is not told, in milliseconds. */
const OPEN_DEFAULT_MS = 5_000;
