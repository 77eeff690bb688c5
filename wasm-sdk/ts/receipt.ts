import { StoreError } from './errors.js';
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
  #durability: Durability = 'memory';
  #version: Version | undefined;
  #error: StoreError | undefined;
  #waiting: Waiter[] = [];

  constructor(key: Key) {
    this.key = key;
  }

  get durability(): Durability {
    return this.#durability;
  }

  get version(): Version | undefined {
    return this.#version;
  }

  until(durability: Durability, signal?: AbortSignal): Promise<Receipt> {
    if (ORDER.indexOf(durability) <= ORDER.indexOf(this.#durability)) return Promise.resolve(this);
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      const waiter = { until: durability, resolve, reject };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', () => {
        if (!this.#waiting.includes(waiter)) return;
        this.#waiting = this.#waiting.filter((it) => it !== waiter);
        const message = 'the wait was given up by its signal; the write is kept and goes to the ring all the same';
        reject(new StoreError('ABORTED', message, { key: this.key, cause: signal.reason }));
      });
    });
  }

  /** It has come so far. */
  reached(durability: Durability, version?: Version): void {
    const rank = ORDER.indexOf(durability);
    // An edge node may be faster than the medium here.
    if (rank < ORDER.indexOf(this.#durability)) return;
    this.#durability = durability;
    this.#version = version;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ until }) => ORDER.indexOf(until) > rank);
    for (const { until, resolve } of waiting) if (ORDER.indexOf(until) <= rank) resolve(this);
  }

  /** It comes no further. */
  ended(error: StoreError): void {
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** What becomes of `first` becomes of `second`, another receipt of the same write. */
export function follow(first: Receipt, second: WriteReceipt): void {
  const reached = ({ durability, version }: Receipt): void => second.reached(durability, version);
  first.until('local').then(reached, () => undefined);
  first.until('edge').then(reached, () => undefined);
  first.until('ring').then(reached, (error) => second.ended(error));
}

/** From the weakest to the strongest. */
const ORDER: readonly Durability[] = ['memory', 'local', 'edge', 'ring'];
