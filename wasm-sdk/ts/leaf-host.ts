import { StoreError } from './errors.js';
import type { EntryObject, FailureObject, LeafEngine, LeafListener } from './henge_wasm.js';
import { entryOf, errorOf, Host, tellAll } from './host.js';
import { newMaker, type FlushUntil, type LeafPort, type ListRequest, type News, type ReadRequest, type Row, type RowPage, type WriteMark, type WriteRequest } from './leaf-port.js';
import { isFull, type Medium } from './media/medium.js';
import type { Picked } from './media/pick.js';
import { Progress, type Notes } from './media/progress.js';
import { follow, WriteReceipt } from './receipt.js';
import { Settling } from './settling.js';
import type { Glue } from './runtime.js';
import type { EncodedSpan } from './span.js';
import { Subscriptions } from './subscriptions.js';
import type { Key, LocalEntry, Receipt, RefusedWrite, StorageInfo, WebSocketClass } from './types.js';

/** What a leaf keeps for itself. */
export interface LeafSettings {
  readonly bucket: string;
  readonly memoryBytes: number;
  readonly copies: number;
}

/** A leaf with its medium. */
export class LeafHost extends Host<LeafEngine> implements LeafListener, LeafPort {
  #pick: () => Promise<Picked>;
  #medium: Medium | undefined;
  #storage: StorageInfo = { kind: 'memory' };
  #notes: Notes | undefined;
  #progress: Progress | undefined;
  #maker = newMaker();
  #sequence = 0;
  /** Writes of this run that have not come to their end. */
  #writes = new Map<number, WriteReceipt>();
  #refusedListeners = new Set<(refused: RefusedWrite) => void>();
  #pending = 0;
  #pendingTold = 0;
  #whenIdle: (() => void)[] = [];
  #settling = new Settling(this);
  #pendingListeners = new Set<(pending: number) => void>();
  #opening: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  /** The storage has failed and is being opened again: what is asked meanwhile waits. */
  #reopening: Promise<unknown> | undefined;
  /** When the storage has failed lately. */
  #failedAt: number[] = [];
  /** Requests to the medium that are under way. */
  #busy = 0;
  #whenQuiet: (() => void)[] = [];
  /** Which engine asks the medium. */
  #life = 0;
  /** Writes that the engine has no room for now, in their order. */
  #deferred = new Set<{ request: WriteRequest; mark: WriteMark; receipt: WriteReceipt }>();
  /** The rows that have come of listings that are under way. */
  #rows = new Map<number, Row[]>();
  #subscriptions = new Subscriptions((work) => {
    // What is stopped after the store was closed has ended with it.
    if (this.isLive) this.submit('', work);
  });
  #problem: StoreError | undefined;
  /** The medium has said so, and nothing was stored since. */
  #isFull = false;

  constructor(
    glue: Glue,
    settings: LeafSettings,
    pick: () => Promise<Picked>,
    urls: readonly string[],
    socketClass: WebSocketClass | undefined,
    notes: Notes | undefined,
  ) {
    const { bucket, memoryBytes, copies } = settings;
    super(glue, urls, socketClass, (session, host) => {
      return new glue.LeafEngine(session, bucket, memoryBytes, copies, [...urls], host);
    });
    this.#pick = pick;
    this.#notes = notes;
  }

  /** Where the files are. */
  get storage(): StorageInfo {
    return this.#storage;
  }

  /** Writes that the ring has not taken. */
  get pending(): number {
    return this.#pending + this.#deferred.size;
  }

  /** Why nothing can be stored any more, if that is so. */
  get problem(): StoreError | undefined {
    return this.#problem;
  }

  /** Opens what the medium has, then dials. */
  async open(): Promise<void> {
    await this.#openMedium();
    this.use((engine) => engine.dial());
  }

  /** Reads a key. */
  async read<T>(request: ReadRequest, signal: AbortSignal | undefined): Promise<T> {
    await this.#reopening;
    const { key, keyBytes, from, level, timeoutMs, want } = request;
    return this.call(key, signal, (engine) => engine.read(keyBytes, from, level, timeoutMs, want));
  }

  /** Takes a write, which is seen by reads from now on. */
  write(request: WriteRequest, mark: WriteMark = { maker: this.#maker, sequence: (this.#sequence += 1) }): Receipt {
    this.checkUsable();
    const receipt = new WriteReceipt(this, request);
    if (!this.#reopening && this.#deferred.size === 0) {
      try {
        return this.#handIn(request, mark, receipt);
      } catch (error) {
        if (!this.#isBusy()) throw error;
      }
    }
    if (this.#deferred.size >= DEFERRED_MAX) {
      const message = `${DEFERRED_MAX} writes wait for the local storage; await some of them first`;
      throw new StoreError('RATE_LIMITED', message, { key: request.key, retryable: true });
    }
    receipt.defer();
    this.#deferred.add({ request, mark, receipt });
    return receipt;
  }

  /** Lists keys that are here. */
  async list({ span, after, limit, isReverse }: ListRequest, signal: AbortSignal | undefined): Promise<RowPage> {
    await this.#reopening;
    const { kind, from, to } = span;
    return this.call('', signal, (engine) => {
      const id = engine.list(kind, from, to, after, limit, isReverse);
      this.#rows.set(id, []);
      return id;
    });
  }

  /** Keeps keys here, and tells of them. */
  subscribe(span: EncodedSpan, listener: (news: News) => void): () => void {
    this.checkUsable();
    return this.#subscriptions.add(span, listener);
  }

  /** Resolves when all that was written so far has come as far as asked. */
  async flush(until: FlushUntil): Promise<void> {
    if (until !== 'local') {
      if (this.pending > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
      return until === 'zones' ? this.#settling.settle() : undefined;
    }
    const deferred = Array.from(this.#deferred, ({ receipt }) => receipt);
    await Promise.all([...this.#writes.values(), ...deferred].map((write) => write.until('local')));
  }

  /** Calls `listener` when {@link LeafHost.pending} changes; returns what stops it. */
  onPending(listener: (pending: number) => void): () => void {
    this.#pendingListeners.add(listener);
    return () => this.#pendingListeners.delete(listener);
  }

  /** Calls `listener` for each write that the ring does not take; returns what stops it. */
  onRefused(listener: (refused: RefusedWrite) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  /** Ends everything; what was written stays stored. */
  async end(): Promise<void> {
    if (this.state.state !== 'closed' && this.state.state !== 'failed') {
      await this.flush('local').catch(() => undefined);
      this.use((engine) => engine.rest());
      // Copies of what was read may be on their way, and the table of what was written.
      await this.#quiet();
    }
    this.close();
    this.#end(new StoreError('CLOSED', 'the store was closed; the write is kept and goes to the ring when it is opened again'));
    await this.#medium?.close();
  }

  override crashed(error: StoreError): void {
    super.crashed(error);
    this.#end(error);
  }

  // What the engine calls.

  append(operation: number, file: string, offset: number, bytes: Uint8Array): void {
    this.#progress?.appended(file, offset + bytes.length);
    this.#serve(operation, this.#medium?.append(file, offset, bytes.slice()));
  }

  sync(operation: number, file: string): void {
    const synced = this.#progress?.syncing(file);
    this.#serve(operation, this.#medium?.sync(file).then(synced));
  }

  load(operation: number, file: string, offset: number, length: number): void {
    this.#serve(operation, this.#medium?.read(file, offset, length));
  }

  replace(operation: number, file: string, bytes: Uint8Array): void {
    this.#serve(operation, this.#medium?.replace(file, bytes.slice()));
  }

  truncate(operation: number, file: string, length: number): void {
    this.#serve(operation, this.#medium?.truncate(file, length));
  }

  remove(operation: number, file: string): void {
    this.#serve(operation, this.#medium?.remove(file));
  }

  opened(pending: number): void {
    this.#pending = pending;
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  broken(why: string): void {
    const error = new StoreError('CORRUPT', `the local storage has failed (${why}); open the store again`, { retryable: true });
    if (this.#opening) return this.#opening.reject(error);
    if (this.#reopening || !this.#mayReopen()) return this.#fail(error);
    this.#reopening = this.#reopen()
      .catch((cause) => this.#fail(cause instanceof StoreError ? cause : error))
      .finally(() => {
        this.#reopening = undefined;
        if (!this.#problem) this.#handInDeferred();
      });
  }

  full(): void {
    this.#isFull = true;
  }

  stored(id: number): void {
    this.#isFull = false;
    this.#writes.get(id)?.reached('local');
  }

  lodged(id: number): void {
    this.#writes.get(id)?.reached('edge');
  }

  written(id: number, version: string): void {
    const write = this.#over(id);
    if (!write) return;
    this.#settling.add(write.key);
    write.reached('ring', version);
  }

  refused(id: number, keyBytes: Uint8Array, failure: FailureObject): void {
    const write = this.#over(id);
    const key = write?.key ?? keyBytes.slice();
    const error = errorOf(failure, key);
    write?.ended(error);
    tellAll(this.#refusedListeners, { key, error });
  }

  row(
    list: number,
    key: Uint8Array,
    source: number,
    version: string | undefined,
    expiresAtMs: number | undefined,
    encoding: number,
    bytes: Uint8Array,
  ): void {
    const row: Row = { keyBytes: key.slice(), source: sourceOf(source), version, expiresAtMs, value: { encoding, bytes: bytes.slice() } };
    if (list === 0) this.#subscriptions.changed(row.keyBytes, row.source, row, false);
    else this.#rows.get(list)?.push(row);
  }

  gone(key: Uint8Array, source: number, isExpiry: boolean): void {
    this.#subscriptions.changed(key.slice(), sourceOf(source), undefined, isExpiry);
  }

  listed(list: number, next: Uint8Array | undefined): void {
    const rows = this.#rows.get(list) ?? [];
    this.#rows.delete(list);
    this.take(list)?.resolve({ rows, next } satisfies RowPage);
  }

  synced(subscription: number): void {
    this.#subscriptions.synced(subscription);
  }

  unsubscribed(subscription: number, failure: FailureObject): void {
    this.#subscriptions.ended(subscription, errorOf(failure));
  }

  protected cancel(engine: LeafEngine, id: number): boolean {
    this.#rows.delete(id);
    engine.cancelRead(id);
    return false;
  }

  protected entry(key: Key, value: unknown, found: EntryObject): LocalEntry {
    const { version, source } = found;
    const entry = { ...entryOf(key, value, found), source: sourceOf(source) };
    return version === undefined ? entry : { ...entry, version };
  }

  protected override checkUsable(): void {
    super.checkUsable();
    if (this.#problem) throw this.#problem;
  }

  async #openMedium(): Promise<void> {
    const { medium, reason } = await this.#pick();
    this.#medium = medium;
    const files = await medium.open();
    this.#progress = this.#notes && medium.kind !== 'memory' ? new Progress(this.#notes) : undefined;
    const loss = this.#progress?.lossOf(files);
    this.#storage = { kind: medium.kind, ...(reason !== undefined && { reason }), ...(loss && { loss }) };
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      const names = files.map(({ name }) => name);
      const lengths = Float64Array.from(files, ({ length }) => length);
      this.use((engine) => engine.open(names, lengths));
    });
  }

  /** The storage has failed: it may have been cleared. What waits is still in memory, and is stored anew. */
  async #reopen(): Promise<void> {
    // Not now: the engine is what is calling.
    await Promise.resolve();
    const old = this.renew();
    await this.#openAnew();
    this.use((engine) => {
      const numbers = engine.inherit(old);
      const writes = this.#writes;
      this.#writes = new Map();
      for (let at = 0; at < numbers.length; at += 2) {
        const receipt = writes.get(numbers[at] ?? 0);
        if (receipt) this.#writes.set(numbers[at + 1] ?? 0, receipt);
      }
      old.free();
      this.#count(engine.pending());
      engine.dial();
    });
    this.#subscriptions.renew();
  }

  /** Hands in what had to wait, as far as there is room. */
  #handInDeferred(): void {
    for (const write of this.#deferred) {
      const { request, mark, receipt } = write;
      try {
        const taken = this.#handIn(request, mark, receipt);
        receipt.reached('memory');
        if (taken !== receipt) follow(taken, receipt);
      } catch (error) {
        if (this.#isBusy()) return;
        receipt.ended(error as StoreError);
      }
      this.#deferred.delete(write);
    }
    this.#count(this.#pending);
  }

  /** The storage takes no more now, and goes on. */
  #isBusy(): boolean {
    return this.submit('', (engine) => engine.isBusy());
  }

  /** Opens the medium for an engine that is new; it may be cleared again meanwhile. */
  async #openAnew(): Promise<void> {
    for (;;) {
      this.#life += 1;
      await this.#medium?.close().catch(() => undefined);
      try {
        return await this.#openMedium();
      } catch (error) {
        if (!this.#mayReopen()) throw error;
        this.renew().free();
      }
    }
  }

  /** The storage has failed: whether it is worth another try. */
  #mayReopen(): boolean {
    const now = performance.now();
    this.#failedAt = [...this.#failedAt.filter((at) => at > now - FAILURES_MS), now];
    return this.#failedAt.length <= FAILURES_MAX;
  }

  #handIn({ key, keyBytes, value, ttlMs, context }: WriteRequest, { maker, sequence }: WriteMark, receipt: WriteReceipt): WriteReceipt {
    const id = this.#submitWrite(key, (engine) =>
      engine.write(maker, sequence, keyBytes, value?.encoding ?? 0, value?.bytes, ttlMs, context),
    );
    // One that was handed in before may be here already.
    const known = this.#writes.get(id);
    if (known) return known;
    this.#writes.set(id, receipt);
    this.use((engine) => this.#count(engine.pending()));
    return receipt;
  }

  #submitWrite(key: Key, submit: (engine: LeafEngine) => number): number {
    try {
      return this.submit(key, submit);
    } catch (error) {
      if (!this.#isFull || (error as StoreError).code !== 'RATE_LIMITED') throw error;
      const message = 'the local storage is full, and no more writes fit into memory; free some, or wait until the ring has taken some';
      throw new StoreError('QUOTA_EXCEEDED', message, { key, retryable: true, cause: error });
    }
  }

  /** Resolves when the medium has nothing to do, or has taken too long. */
  async #quiet(): Promise<void> {
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, QUIET_MS_MAX);
      this.#whenQuiet.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #fail(error: StoreError): void {
    this.#problem = error;
    this.#end(error);
  }

  #serve(operation: number, result: Promise<Uint8Array | void> | undefined): void {
    const life = this.#life;
    this.#busy += 1;
    const answer = (work: (engine: LeafEngine) => void): void => {
      if (life === this.#life) this.use(work);
      if (this.#deferred.size > 0 && !this.#reopening && !this.#problem) this.#handInDeferred();
      this.#busy -= 1;
      if (this.#busy === 0) for (const resolve of this.#whenQuiet.splice(0)) resolve();
    };
    (result ?? Promise.reject(new Error('there is no medium'))).then(
      (bytes) => answer((engine) => engine.done(operation, bytes ?? undefined)),
      (error) => answer((engine) => engine.fault(operation, isFull(error), String((error as Error)?.message ?? error))),
    );
  }

  #over(id: number): WriteReceipt | undefined {
    const write = this.#writes.get(id);
    this.#writes.delete(id);
    this.use((engine) => this.#count(engine.pending()));
    return write;
  }

  #count(pending: number): void {
    this.#pending = pending;
    if (this.pending !== this.#pendingTold) {
      this.#pendingTold = this.pending;
      tellAll(this.#pendingListeners, this.pending);
    }
    if (this.pending === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** No write comes further. */
  #end(error: StoreError): void {
    for (const write of this.#writes.values()) {
      write.ended(new StoreError(error.code, error.message, { key: write.key, cause: error.cause }));
    }
    for (const { receipt } of this.#deferred) receipt.ended(error);
    this.#writes.clear();
    this.#deferred.clear();
  }
}

function sourceOf(code: number): LocalEntry['source'] {
  return SOURCES[code] ?? 'ring';
}

/** As the engine numbers them. */
const SOURCES = ['waiting', 'copy', 'ring'] as const;
/** How long `close()` waits for what need not be stored, in milliseconds. */
const QUIET_MS_MAX = 1_000;
/** Writes that wait until the storage goes on. */
const DEFERRED_MAX = 65_536;
/** A storage that fails more often than this within that time, in milliseconds, is given up. */
const FAILURES_MAX = 5;
const FAILURES_MS = 10_000;
