import type { ChangeQueue } from './changes.js';
import { decodeKey, decodeValue, encodeContext } from './codec.js';
import { StoreError } from './errors.js';
import type { Engine, EntryObject, FailureObject, RingListener, StatusObject } from './henge_wasm.js';
import { entryOf, errorOf, Host } from './host.js';
import type { ListRange, Page } from './listing.js';
import { aborted } from './options.js';
import type { Glue } from './runtime.js';
import type { EncodedSpan } from './span.js';
import type { Entry, Key, RingChange, WebSocketClass } from './types.js';

/** A key with what the ring has of it. */
export interface Item {
  readonly keyBytes: Uint8Array;
  readonly entry: EntryObject;
  readonly encoding: number;
  /** None if the key has no value. */
  readonly bytes: Uint8Array | undefined;
}

/** What a watch is told. */
export type WatchNews = { readonly type: 'changed'; readonly item: Item } | { readonly type: 'synced' } | { readonly type: 'resync' };

/** A client of the ring. */
export class Connection extends Host<Engine> implements RingListener {
  /** The items that have come of the listing that is being told. */
  #items: Item[] = [];
  #watches = new Map<number, ChangeQueue<WatchNews>>();

  constructor(glue: Glue, bucket: string, urls: readonly string[], socketClass: WebSocketClass) {
    super(glue, urls, socketClass, (session, host) => new glue.Engine(session, bucket, [...urls], host));
  }

  /** Dials, and waits until a server has greeted. Goes on from `session`, if that is not empty. Closes itself if it fails. */
  open(session: Uint8Array, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
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
      try {
        if (session.length > 0) this.submit('', (engine) => engine.joinSession(session));
      } catch (error) {
        return settle(error as StoreError);
      }
      this.use((engine) => engine.open());
    });
  }

  /** What was read and written so far, as text. */
  session(): string {
    this.checkUsable();
    return encodeContext(this.submit('', (engine) => engine.sessionToken()));
  }

  /** A page of a listing; of one for a `watch` without what that was told. */
  list({ span, isReverse, signal }: ListRange, after: Uint8Array, left: number, level: number, timeoutMs: number, watch = 0): Promise<Page<Item>> {
    const { kind, from, to } = span;
    return this.call('', signal, (engine) => engine.list(kind, from, to, after, left, isReverse, level, timeoutMs, watch));
  }

  /** Puts what happens to keys into `queue`, from `token` on if that is not empty. */
  watch({ kind, from, to }: EncodedSpan, token: Uint8Array, queue: ChangeQueue<WatchNews>): number {
    this.checkUsable();
    const id = this.submit('', (engine) => engine.watch(kind, from, to, token));
    this.#watches.set(id, queue);
    return id;
  }

  /** Ends a watch. */
  unwatch(id: number): void {
    if (this.#watches.delete(id) && this.isLive) this.submit('', (engine) => engine.unwatch(id));
  }

  /** Where a watch is. */
  watchToken(id: number): Uint8Array | undefined {
    let token: Uint8Array | undefined;
    this.use((engine) => (token = engine.watchToken(id)));
    return token;
  }

  /** A key of a listing, for applications. */
  entryOf<T>({ keyBytes, entry, encoding, bytes }: Item): Entry<T> {
    const key = decodeKey(keyBytes);
    return this.entry(key, decodeValue(encoding, bytes ?? keyBytes, key), entry) as Entry<T>;
  }

  /** A change, for applications. */
  changeOf<T>(item: Item): RingChange<T> {
    if (item.bytes) return { type: 'set', ...this.entryOf<T>(item), source: 'ring' };
    const { version = '', context } = item.entry;
    return { type: 'delete', key: decodeKey(item.keyBytes), version, context: encodeContext(context), source: 'ring' };
  }

  override close(): void {
    super.close();
    this.#endWatches(new StoreError('CLOSED', 'the store was closed, and the watch with it'));
  }

  override crashed(error: StoreError): void {
    super.crashed(error);
    this.#endWatches(error);
  }

  // What the engine calls.

  written(id: number, version: string): void {
    this.take(id)?.resolve(version);
  }

  override status(status: StatusObject): void {
    super.status(status);
    if (this.state.state === 'failed') this.#endWatches(this.state.error);
  }

  item(key: Uint8Array, entry: EntryObject, encoding: number, bytes: Uint8Array): void {
    this.#items.push({ keyBytes: key.slice(), entry, encoding, bytes: bytes.slice() });
  }

  listed(list: number, next: Uint8Array | undefined): void {
    const rows = this.#items;
    this.#items = [];
    this.take(list)?.resolve({ rows, next } satisfies Page<Item>);
  }

  changed(watch: number, key: Uint8Array, entry: EntryObject, encoding: number, bytes: Uint8Array | undefined): void {
    const item = { keyBytes: key.slice(), entry, encoding, bytes: bytes?.slice() };
    this.#watches.get(watch)?.put({ type: 'changed', item });
  }

  synced(watch: number): void {
    this.#watches.get(watch)?.put({ type: 'synced' });
  }

  resync(watch: number): void {
    this.#watches.get(watch)?.put({ type: 'resync' });
  }

  unsubscribed(watch: number, failure: FailureObject): void {
    this.#watches.get(watch)?.end(errorOf(failure));
    this.#watches.delete(watch);
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

  #endWatches(error: StoreError): void {
    for (const queue of this.#watches.values()) queue.end(error);
    this.#watches.clear();
  }
}

/** How long `connect()` waits if it is not told, in milliseconds. */
const OPEN_DEFAULT_MS = 5_000;
