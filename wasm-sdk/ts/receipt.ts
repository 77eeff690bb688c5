import { StoreError } from './errors.js';
import { Want } from './store.js';
import type { LeafPort, WriteRequest } from './leaf-port.js';
import type { Durability, Key, Receipt, Version } from './types.js';

/** Who waits for a write to come so far. */
interface Waiter {
  until: Durability;
  resolve: (receipt: Receipt) => void;
  reject: (error: StoreError) => void;
}

/** A write of a store with a storage, as far as it has come. */
export class WriteReceipt implements Receipt {
  readonly key: Key;
  #settle: () => Promise<void>;
  #isSettling = false;
  /** Reads do not see it yet. */
  #isDeferred = false;
  #durability: Durability = 'memory';
  #version: Version | undefined;
  #error: StoreError | undefined;
  #waiting: Waiter[] = [];

  /** `port` has the write, or will have. */
  constructor(port: LeafPort, request: WriteRequest) {
    this.key = request.key;
    this.#settle = () => settle(port, request);
  }

  get durability(): Durability {
    return this.#durability;
  }

  get version(): Version | undefined {
    return this.#version;
  }

  until(durability: Durability, signal?: AbortSignal): Promise<Receipt> {
    if (!this.#isDeferred && ORDER.indexOf(durability) <= ORDER.indexOf(this.#durability)) return Promise.resolve(this);
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      const waiter = { until: durability, resolve, reject };
      this.#waiting.push(waiter);
      this.#goOn();
      signal?.addEventListener('abort', () => {
        if (!this.#waiting.includes(waiter)) return;
        this.#waiting = this.#waiting.filter((it) => it !== waiter);
        const message = 'the wait was given up by its signal; the write is kept and goes to the ring all the same';
        reject(new StoreError('ABORTED', message, { key: this.key, cause: signal.reason }));
      });
    });
  }

  /** It has not come as far as that reads see it. */
  defer(): void {
    this.#isDeferred = true;
  }

  /** It has come so far. */
  reached(durability: Durability, version?: Version): void {
    this.#isDeferred = false;
    const rank = ORDER.indexOf(durability);
    // An edge node may be faster than the medium here.
    if (rank < ORDER.indexOf(this.#durability)) return;
    this.#durability = durability;
    this.#version = version;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ until }) => ORDER.indexOf(until) > rank);
    for (const { until, resolve } of waiting) if (ORDER.indexOf(until) <= rank) resolve(this);
    this.#goOn();
  }

  /** It comes no further. */
  ended(error: StoreError): void {
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** The ring says by itself only that it has a write; who wants to know more asks. */
  #goOn(): void {
    if (this.#durability !== 'ring' || this.#isSettling || this.#waiting.length === 0) return;
    this.#isSettling = true;
    this.#settle().then(
      () => this.reached('zones', this.#version),
      (error: StoreError) => this.ended(error),
    );
  }
}

/** Resolves when what the ring has of a key, this write or a newer one, is durable in each region. */
export async function settle(port: LeafPort, { key, keyBytes }: Pick<WriteRequest, 'key' | 'keyBytes'>): Promise<void> {
  const request = { key, keyBytes, from: SETTLED, level: EACH_QUORUM, timeoutMs: SETTLE_MS, want: Want.existence };
  for (;;) {
    try {
      await port.read(request, undefined);
      return;
    } catch (error) {
      const isOver = port.state.state === 'closed' || port.state.state === 'failed';
      if (isOver || !(error as StoreError).retryable) throw error;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_REST_MS));
    }
  }
}

/** What becomes of `first` becomes of `second`, another receipt of the same write. */
export function follow(first: Receipt, second: WriteReceipt): void {
  first.until('local').then(() => second.reached('local'), () => undefined);
  first.until('edge').then(() => second.reached('edge'), () => undefined);
  first.until('ring').then(({ version }) => second.reached('ring', version), (error) => second.ended(error));
}

/** From the weakest to the strongest. */
const ORDER: readonly Durability[] = ['memory', 'local', 'edge', 'ring', 'zones'];
/** Where to read, and at which level, as the engine numbers it. */
const SETTLED = 3;
const EACH_QUORUM = 105;
/** How long the ring has for it at a time, in milliseconds, and how long until it is asked again. */
const SETTLE_MS = 20_000;
const SETTLE_REST_MS = 500;
