import { decodeValue, encodeContext } from './codec.js';
import { StoreError, type ErrorCode } from './errors.js';
import type { EntryObject, FailureObject, Listener, StatusObject } from './henge_wasm.js';
import type { Glue } from './runtime.js';
import type { Entry, Key, Status, WebSocketClass } from './types.js';

/** A call whose outcome has not come. */
interface PendingCall {
  key: Key;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** What every engine can do. */
interface AnyEngine {
  flush(): void;
  close(): void;
  free(): void;
}

/**
 * One engine with its calls. The engine calls back into this object; none of those methods throws
 * except `dial`.
 */
export abstract class Host<E extends AnyEngine> implements Listener {
  #glue: Glue;
  #make: () => E;
  #engine: E;
  #socketClass: WebSocketClass | undefined;
  #socket: WebSocket | undefined;
  #urls: readonly string[];
  #dialProblem = '';
  #calls = new Map<number, PendingCall>();
  #isFlushing = false;
  #status: Status = { state: 'connecting' };
  #statusListeners = new Set<(status: Status) => void>();

  /** `make` makes the engine, from a random number. */
  constructor(
    glue: Glue,
    urls: readonly string[],
    socketClass: WebSocketClass | undefined,
    make: (session: bigint, host: Host<E>) => E,
  ) {
    this.#glue = glue;
    this.#urls = urls;
    this.#socketClass = socketClass;
    this.#make = () => this.enter(() => make(random(), this));
    this.#engine = this.#make();
    live.add(this);
  }

  /** How the connection is. */
  get state(): Status {
    return this.#status;
  }

  /** Hands one call to the engine; the promise is its outcome. */
  call<T>(key: Key, signal: AbortSignal | undefined, submit: (engine: E) => number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.checkUsable();
      const id = this.submit(key, submit);
      const call: PendingCall = { key, resolve: resolve as (value: unknown) => void, reject, signal, onAbort: undefined };
      if (signal) {
        call.onAbort = () => this.#giveUp(id, 'ABORTED', 'the call was given up by its signal', signal.reason);
        signal.addEventListener('abort', call.onAbort);
      }
      this.#calls.set(id, call);
    });
  }

  /** Calls `listener` at every change of state; returns what stops it. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Ends everything; calls that are under way fail. */
  close(): void {
    if (this.#status.state === 'closed') return;
    for (const id of [...this.#calls.keys()]) {
      this.#giveUp(id, 'CLOSED', 'the store was closed before the outcome came');
    }
    this.#become({ state: 'closed' });
    if (!live.delete(this)) return;
    this.enter(() => this.#engine.close());
    const instance = instances;
    // Not now: the engine may be what is calling.
    queueMicrotask(() => {
      if (instance === instances) this.enter(() => this.#engine.free());
    });
  }

  // What the engine calls.

  dial(url: string, protocol: string): WebSocket {
    try {
      if (!this.#socketClass) throw new StoreError('UNSUPPORTED', 'this runtime has no WebSocket');
      const socket = new this.#socketClass(url, [protocol]);
      // A close always follows; but Node.js ends a process whose error nobody hears.
      socket.onerror = (event) => this.#noteProblem(event);
      this.#socket = socket;
      return socket;
    } catch (error) {
      this.#dialProblem = (error as Error).message;
      throw error;
    }
  }

  guard(callback: Function): Function {
    return (event: unknown) => {
      if (!live.has(this)) return;
      try {
        callback(event);
      } catch (error) {
        crash(this.#glue, error);
      }
    };
  }

  found(id: number, encoding: number, bytes: Uint8Array): void {
    this.#settle(id, (key) => decodeValue(encoding, bytes, key));
  }

  foundEntry(id: number, encoding: number, bytes: Uint8Array, found: EntryObject): void {
    this.#settle(id, (key) => this.entry(key, decodeValue(encoding, bytes, key), found));
  }

  exists(id: number, exists: boolean): void {
    this.#settle(id, () => exists);
  }

  absent(id: number): void {
    this.#settle(id, () => undefined);
  }

  abstract written(id: number, version: string): void;

  failed(id: number, failure: FailureObject): void {
    this.#settle(id, (key) => {
      throw errorOf(failure, key);
    });
  }

  status(status: StatusObject): void {
    switch (status.state) {
      case 'offline':
        this.#become({ state: 'offline', retryAt: new Date(status.retryAtMs), error: this.#offline(status.failure) });
        break;
      case 'failed':
        this.#become({ state: 'failed', error: errorOf(status.failure) });
        break;
      default:
        this.#become(status);
    }
  }

  /** The engine is gone: everything of it has failed. */
  crashed(error: StoreError): void {
    for (const id of [...this.#calls.keys()]) {
      const call = this.take(id);
      call?.reject(new StoreError(error.code, error.message, { key: call.key, cause: error.cause }));
    }
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
    }
    this.#become({ state: 'failed', error });
  }

  /** Forgets a call; true if it is a write that may be applied nevertheless. */
  protected abstract cancel(engine: E, id: number): boolean;

  /** What a reader of an entry gets. */
  protected abstract entry(key: Key, value: unknown, found: EntryObject): object;

  protected checkUsable(): void {
    if (this.#status.state === 'closed') {
      throw new StoreError('CLOSED', 'this store is closed; open a new one');
    }
    if (this.#status.state === 'failed' && !live.has(this)) throw this.#status.error;
  }

  /** Hands something to the engine, which throws if it cannot take it. */
  protected submit<T>(key: Key, submit: (engine: E) => T): T {
    try {
      const taken = submit(this.#engine);
      this.#flushSoon();
      return taken;
    } catch (error) {
      if (isFailure(error)) throw errorOf(error, key);
      throw crash(this.#glue, error);
    }
  }

  /** Whether the engine is still there. */
  protected get isLive(): boolean {
    return live.has(this);
  }

  /** Does `work` with the engine, if it is still there. */
  protected use(work: (engine: E) => void): void {
    if (live.has(this)) this.enter(() => work(this.#engine));
  }

  /** Makes a new engine in the place of the present one, which is closed and returned. */
  protected renew(): E {
    const old = this.#engine;
    this.enter(() => old.close());
    this.#engine = this.#make();
    return old;
  }

  protected enter<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw crash(this.#glue, error);
    }
  }

  protected take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (!call) return undefined;
    this.#calls.delete(id);
    if (call.onAbort) call.signal?.removeEventListener('abort', call.onAbort);
    return call;
  }

  /** What is said when no server has answered in time. */
  protected unreachable(): StoreError {
    const message = `cannot reach ${this.#where()}; check the address, and that a Henge server listens there`;
    return new StoreError('OFFLINE', message, { retryable: true });
  }

  /** Everything that is called until this task ends leaves as one message. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (live.has(this)) this.guard(() => this.#engine.flush())();
    });
  }

  #giveUp(id: number, code: ErrorCode, message: string, cause?: unknown): void {
    const call = this.take(id);
    if (!call) return;
    const mayBeApplied = live.has(this) && this.enter(() => this.cancel(this.#engine, id));
    const outcome = mayBeApplied ? 'it had been sent and may be applied nevertheless' : 'nothing was written';
    call.reject(new StoreError(code, `${message}; ${outcome}`, { key: call.key, cause }));
  }

  #settle(id: number, outcome: (key: Key) => unknown): void {
    const call = this.take(id);
    if (!call) return;
    try {
      call.resolve(outcome(call.key));
    } catch (error) {
      call.reject(error);
    }
  }

  #become(status: Status): void {
    if (this.#status.state === 'closed') return;
    this.#status = status;
    tellAll(this.#statusListeners, status);
  }

  #noteProblem(event: Event): void {
    const { message } = event as Partial<ErrorEvent>;
    this.#dialProblem = message ?? '';
  }

  #offline(failure: FailureObject | undefined): StoreError {
    if (failure) return errorOf(failure);
    return new StoreError('OFFLINE', `no connection to ${this.#where()}`, { retryable: true });
  }

  #where(): string {
    return `${this.#urls.join(', ')}${this.#dialProblem && ` (${this.#dialProblem})`}`;
  }
}

/** A random number that is not 0. */
function random(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] || 1n;
}

/** What all engines give of an entry. */
export function entryOf(key: Key, value: unknown, found: EntryObject): Omit<Entry, 'version'> {
  const { siblings } = found;
  const entry = { key, value, ...expiryOf(found.expiresAtMs), context: encodeContext(found.context) };
  if (siblings.length === 0) return entry;
  return { ...entry, siblings: siblings.map((sibling) => decodeValue(sibling.encoding, sibling.bytes, key)) };
}

/** When a value ends, as part of an entry, if it does. */
export function expiryOf(expiresAtMs: number | undefined): { expiresAt?: Date } {
  return expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs) };
}

/** Calls all of an application's listeners. */
export function tellAll<T>(listeners: ReadonlySet<(news: T) => void>, news: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(news);
    } catch (error) {
      // A mistake of the application, reported as one that nobody catches.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** A failure that the engine reports, as an error. */
export function errorOf(failure: FailureObject, key?: Key): StoreError {
  const { code, message, retryable } = failure;
  // What is about many keys, like a list, is called under none.
  return new StoreError(code as ErrorCode, message, key ? { retryable, key } : { retryable });
}

/** Everything that uses the engine's present instance. */
const live = new Set<Host<AnyEngine>>();
/** How many instances there have been before the present one. */
let instances = 0;
let isInstanceLost = false;

/** Makes a new instance if the last one has failed. */
export function renewInstance(glue: Glue): void {
  if (!isInstanceLost) return;
  isInstanceLost = false;
  // Takes no arguments, so that nothing of the call is left in the memory of the old instance.
  glue.start();
}

/** The engine has trapped: ends all that used this instance, so that the next connect makes a new one. */
function crash(glue: Glue, cause: unknown): StoreError {
  const error = new StoreError(
    'INTERNAL',
    `henge's engine has failed (${(cause as Error)?.message}); open the store again, and please report this`,
    { cause },
  );
  glue.discard();
  instances += 1;
  isInstanceLost = true;
  const failed = [...live];
  live.clear();
  for (const host of failed) host.crashed(error);
  return error;
}

function isFailure(error: unknown): error is FailureObject {
  return typeof error === 'object' && error !== null && !(error instanceof Error) && 'code' in error;
}
