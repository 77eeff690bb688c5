import { StoreError } from './errors.js';
import type { EntryObject, FailureObject, LeafEngine, LeafListener } from './henge_wasm.js';
import { entryOf, errorOf, Host, tellAll } from './host.js';
import type { LeafPort, ReadRequest, WriteMark, WriteRequest } from './leaf-port.js';
import { isFull, type Medium } from './media/medium.js';
import type { Picked } from './media/pick.js';
import { WriteReceipt } from './receipt.js';
import type { Glue } from './runtime.js';
import type { Key, LocalEntry, Receipt, RefusedWrite, StorageInfo, WebSocketClass } from './types.js';

/** What a leaf keeps for itself. */
export interface LeafSettings {
  readonly bucket: string;
  readonly memoryBytes: number;
  readonly copies: number;
}

/** A leaf with its medium. */
export class LeafHost extends Host<LeafEngine> implements LeafListener, LeafPort {
  readonly storage: StorageInfo;
  #medium: Medium;
  #maker: bigint;
  #sequence = 0;
  /** Writes of this run that have not come to their end. */
  #writes = new Map<number, WriteReceipt>();
  #refusedListeners = new Set<(refused: RefusedWrite) => void>();
  #pending = 0;
  #whenIdle: (() => void)[] = [];
  #pendingListeners = new Set<(pending: number) => void>();
  #opening: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #problem: StoreError | undefined;

  constructor(
    glue: Glue,
    settings: LeafSettings,
    { medium, reason }: Picked,
    urls: readonly string[],
    socketClass: WebSocketClass | undefined,
  ) {
    let maker = 1n;
    super(glue, urls, socketClass, (session, host) => {
      maker = session;
      const { bucket, memoryBytes, copies } = settings;
      return new glue.LeafEngine(session, bucket, memoryBytes, copies, [...urls], host);
    });
    this.#maker = maker;
    this.#medium = medium;
    this.storage = reason === undefined ? { kind: medium.kind } : { kind: medium.kind, reason };
  }

  /** Writes that the ring has not taken. */
  get pending(): number {
    return this.#pending;
  }

  /** Why nothing can be stored any more, if that is so. */
  get problem(): StoreError | undefined {
    return this.#problem;
  }

  /** Opens what the medium has, then dials. */
  async open(): Promise<void> {
    const files = await this.#medium.open();
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      const names = files.map(({ name }) => name);
      const lengths = Float64Array.from(files, ({ length }) => length);
      this.use((engine) => engine.open(names, lengths));
    });
    this.use((engine) => engine.dial());
  }

  /** Reads a key. */
  read<T>({ key, keyBytes, from, level, timeoutMs, want }: ReadRequest, signal: AbortSignal | undefined): Promise<T> {
    return this.call(key, signal, (engine) => engine.read(keyBytes, from, level, timeoutMs, want));
  }

  /** Takes a write, which is seen by reads from now on. */
  write({ key, keyBytes, value, ttlMs, context }: WriteRequest, mark?: WriteMark): Receipt {
    this.checkUsable();
    const { maker, sequence } = mark ?? { maker: this.#maker, sequence: (this.#sequence += 1) };
    const id = this.submit(key, (engine) =>
      engine.write(maker, sequence, keyBytes, value?.encoding ?? 0, value?.bytes, ttlMs, context),
    );
    // One that was handed in before may be here already.
    const known = this.#writes.get(id);
    if (known) return known;
    const write = new WriteReceipt(key);
    this.#writes.set(id, write);
    this.use((engine) => this.#count(engine.pending()));
    return write;
  }

  /** Resolves when all that was written so far has come as far as asked. */
  async flush(until: 'local' | 'ring'): Promise<void> {
    if (until === 'ring') {
      if (this.#pending === 0) return;
      return new Promise((resolve) => this.#whenIdle.push(resolve));
    }
    await Promise.all([...this.#writes.values()].map((write) => write.until('local')));
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
    }
    this.close();
    this.#end(new StoreError('CLOSED', 'the store was closed; the write is kept and goes to the ring when it is opened again'));
    await this.#medium.close();
  }

  override crashed(error: StoreError): void {
    super.crashed(error);
    this.#end(error);
  }

  // What the engine calls.

  append(operation: number, file: string, offset: number, bytes: Uint8Array): void {
    this.#serve(operation, this.#medium.append(file, offset, bytes.slice()));
  }

  sync(operation: number, file: string): void {
    this.#serve(operation, this.#medium.sync(file));
  }

  load(operation: number, file: string, offset: number, length: number): void {
    this.#serve(operation, this.#medium.read(file, offset, length));
  }

  replace(operation: number, file: string, bytes: Uint8Array): void {
    this.#serve(operation, this.#medium.replace(file, bytes.slice()));
  }

  truncate(operation: number, file: string, length: number): void {
    this.#serve(operation, this.#medium.truncate(file, length));
  }

  remove(operation: number, file: string): void {
    this.#serve(operation, this.#medium.remove(file));
  }

  opened(pending: number): void {
    this.#pending = pending;
    this.#opening?.resolve();
  }

  broken(why: string): void {
    this.#problem = new StoreError('CORRUPT', `the local storage has failed (${why}); open the store again`, {
      retryable: true,
    });
    this.#opening?.reject(this.#problem);
    this.#end(this.#problem);
  }

  full(): void {
    this.#problem = new StoreError('QUOTA_EXCEEDED', 'the local storage is full; free some, then what waits is stored', {
      retryable: true,
    });
  }

  stored(id: number): void {
    this.#writes.get(id)?.reached('local');
  }

  written(id: number, version: string): void {
    this.#over(id)?.reached('ring', version);
  }

  refused(id: number, keyBytes: Uint8Array, failure: FailureObject): void {
    const write = this.#over(id);
    const key = write?.key ?? keyBytes.slice();
    const error = errorOf(failure, key);
    write?.ended(error);
    tellAll(this.#refusedListeners, { key, error });
  }

  protected cancel(engine: LeafEngine, id: number): boolean {
    engine.cancelRead(id);
    return false;
  }

  protected entry(key: Key, value: unknown, found: EntryObject): LocalEntry {
    const { version, source } = found;
    const entry = { ...entryOf(key, value, found), source };
    return version === undefined ? entry : { ...entry, version };
  }

  protected override checkUsable(): void {
    super.checkUsable();
    if (this.#problem?.code === 'CORRUPT') throw this.#problem;
  }

  #serve(operation: number, result: Promise<Uint8Array | void>): void {
    result.then(
      (bytes) => this.use((engine) => engine.done(operation, bytes ?? undefined)),
      (error) => this.use((engine) => engine.fault(operation, isFull(error), String((error as Error)?.message ?? error))),
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
    tellAll(this.#pendingListeners, pending);
    if (pending === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** No write comes further. */
  #end(error: StoreError): void {
    for (const write of this.#writes.values()) {
      write.ended(new StoreError(error.code, error.message, { key: write.key, cause: error.cause }));
    }
    this.#writes.clear();
  }
}
