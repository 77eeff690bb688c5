import { encodeKey } from './codec.js';
import { StoreError } from './errors.js';
import type { LeafPort } from './leaf-port.js';
import { settle } from './receipt.js';
import { nameOf } from './span.js';
import type { Key } from './types.js';

/** The keys that were written in this run and are not known to be durable in each region. */
export class Settling {
  #port: LeafPort;
  #keys = new Map<string, Key>();
  /** There were more than are remembered. */
  #isIncomplete = false;

  constructor(port: LeafPort) {
    this.#port = port;
  }

  /** The ring has taken a write to `key`. */
  add(key: Key): void {
    if (this.#keys.size < KEYS_MAX) this.#keys.set(nameOf(encodeKey(key)), key);
    else this.#isIncomplete = true;
  }

  /** Resolves when all of them are durable in each region. */
  async settle(): Promise<void> {
    if (this.#isIncomplete) {
      const message = `more than ${KEYS_MAX} keys were written since the store was opened or flushed so far; flush more often, or put with durability: 'zones'`;
      throw new StoreError('RATE_LIMITED', message);
    }
    const keys = [...this.#keys.values()];
    this.#keys.clear();
    const ask = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        await settle(this.#port, { key, keyBytes: encodeKey(key) }).catch((error) => {
          for (const left of [key, ...keys.splice(0)]) this.add(left as Key);
          throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: ASKED_MAX }, ask));
  }
}

/** Keys that are remembered. */
const KEYS_MAX = 10_000;
/** Keys that are asked for at a time. */
const ASKED_MAX = 64;
