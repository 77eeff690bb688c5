import { decodeValue, encodeContext } from './codec.js';
import { StoreError, type ErrorCode } from './errors.js';
import type { Engine, EntryObject, FailureObject, Listener, StatusObject } from './henge_wasm.js';
import { aborted } from './options.js';
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

/**
 * One engine with its calls. The engine calls back into this object; none of those methods throws
 * except `dial`.
 */
export class Connection implements Listener {
  #glue: Glue;
  #engine: Engine;
  #socketClass: WebSocketClass;
  #socket: WebSocket | undefined;
  #urls: readonly string[];
  #dialProblem = '';
  #calls = new Map<number, PendingCall>();
  #isFlushing = false;
  #status: Status = { state: 'connecting' };
  #statusListeners = new Set<(status: Status) => void>();

  constructor(glue: Glue, urls: readonly string[], socketClass: WebSocketClass) {
    this.#glue = glue;
    this.#urls = urls;
    this.#socketClass = socketClass;
    const session = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    this.#engine = this.#enter(() => new glue.Engine(session, [...urls], this));
    live.add(this);
  }

  /** How the connection is. */
  get state(): Status {
    return this.#status;
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
      const timer = setTimeout(() => settle(this.#unreachable()), timeoutMs || OPEN_DEFAULT_MS);
      const stop = this.onStatus((status) => {
        if (status.state === 'connected') settle();
        if (status.state === 'failed') settle(status.error);
      });
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) return onAbort();
      this.#enter(() => this.#engine.open());
    });
  }

  /** Hands one call to the engine; the promise is its outcome. */
  call<T>(key: Key, signal: AbortSignal | undefined, submit: (engine: Engine) => number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#checkUsable();
      const id = this.#submit(key, submit);
      const call: PendingCall = { key, resolve: resolve as (value: unknown) => void, reject, signal, onAbort: undefined };
      if (signal) {
        call.onAbort = () => this.#giveUp(id, 'ABORTED', 'the call was given up by its signal', signal.reason);
        signal.addEventListener('abort', call.onAbort);
      }
      this.#calls.set(id, call);
      this.#flushSoon();
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
    this.#enter(() => this.#engine.close());
    const instance = instances;
    // Not now: the engine may be what is calling.
    queueMicrotask(() => {
      if (instance === instances) this.#enter(() => this.#engine.free());
    });
  }

  // What the engine calls.

  dial(url: string, protocol: string): WebSocket {
    try {
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
    this.#settle(id, (key): Entry => {
      const value = decodeValue(encoding, bytes, key);
      const { version, siblings } = found;
      const entry = { key, value, version, context: encodeContext(found.context) };
      if (siblings.length === 0) return entry;
      return { ...entry, siblings: siblings.map((sibling) => decodeValue(sibling.encoding, sibling.bytes, key)) };
    });
  }

  exists(id: number, exists: boolean): void {
    this.#settle(id, () => exists);
  }

  absent(id: number): void {
    this.#settle(id, () => undefined);
  }

  written(id: number, version: string): void {
    this.#settle(id, () => version);
  }

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
      const call = this.#take(id);
      call?.reject(new StoreError(error.code, error.message, { key: call.key, cause: error.cause }));
    }
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
    }
    this.#become({ state: 'failed', error });
  }

  #checkUsable(): void {
    if (this.#status.state === 'closed') {
      throw new StoreError('CLOSED', 'this store is closed; connect() makes a new one');
    }
    if (this.#status.state === 'failed') throw this.#status.error;
  }

  #submit(key: Key, submit: (engine: Engine) => number): number {
    try {
      return submit(this.#engine);
    } catch (error) {
      if (isFailure(error)) throw errorOf(error, key);
      throw crash(this.#glue, error);
    }
  }

  #enter<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw crash(this.#glue, error);
    }
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
    const call = this.#take(id);
    if (!call) return;
    const mayBeApplied = live.has(this) && this.#enter(() => this.#engine.cancel(id));
    const outcome = mayBeApplied ? 'it had been sent and may be applied nevertheless' : 'nothing was written';
    call.reject(new StoreError(code, `${message}; ${outcome}`, { key: call.key, cause }));
  }

  #settle(id: number, outcome: (key: Key) => unknown): void {
    const call = this.#take(id);
    if (!call) return;
    try {
      call.resolve(outcome(call.key));
    } catch (error) {
      call.reject(error);
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (!call) return undefined;
    this.#calls.delete(id);
    if (call.onAbort) call.signal?.removeEventListener('abort', call.onAbort);
    return call;
  }

  #become(status: Status): void {
    if (this.#status.state === 'closed') return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) {
      try {
        listener(status);
      } catch (error) {
        // A mistake of the application, reported as one that nobody catches.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #noteProblem(event: Event): void {
    const { message } = event as Partial<ErrorEvent>;
    this.#dialProblem = message ?? '';
  }

  #offline(failure: FailureObject | undefined): StoreError {
    if (failure) return errorOf(failure);
    return new StoreError('OFFLINE', `no connection to ${this.#where()}`, { retryable: true });
  }

  #unreachable(): StoreError {
    const message = `cannot reach ${this.#where()}; check the address, and that a Henge server listens there`;
    return new StoreError('OFFLINE', message, { retryable: true });
  }

  #where(): string {
    return `${this.#urls.join(', ')}${this.#dialProblem && ` (${this.#dialProblem})`}`;
  }
}

/** Everything that uses the engine's present instance. */
const live = new Set<Connection>();
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
    `henge's engine has failed (${(cause as Error)?.message}); connect() again, and please report this`,
    { cause },
  );
  glue.discard();
  instances += 1;
  isInstanceLost = true;
  const failed = [...live];
  live.clear();
  for (const connection of failed) connection.crashed(error);
  return error;
}

function isFailure(error: unknown): error is FailureObject {
  return typeof error === 'object' && error !== null && !(error instanceof Error) && 'code' in error;
}

function errorOf(failure: FailureObject, key?: Key): StoreError {
  const { code, message, retryable } = failure;
  return new StoreError(code as ErrorCode, message, key === undefined ? { retryable } : { retryable, key });
}

/** How long `connect()` waits if it is not told, in milliseconds. */
const OPEN_DEFAULT_MS = 5_000;
