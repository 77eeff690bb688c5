import { encodeKey } from './codec.js';
import { nameOf } from './span.js';
import type { Context, Key, Update } from './types.js';

/** What an update has read. */
interface Present<T> {
  readonly value: T;
  readonly context: Context;
  readonly siblings?: readonly T[];
}

/** The updates of a store: those of a key follow one another. */
export class Updates {
  /** The end of the last update of each key. */
  #last = new Map<string, Promise<unknown>>();

  /** Reads `key`, changes it, and writes it with what was read as context. */
  run<T>(
    key: Key,
    change: Update<T>,
    read: () => Promise<Present<T> | undefined>,
    write: (value: T | undefined, context: Context | undefined) => Promise<unknown>,
  ): Promise<T | undefined> {
    const name = nameOf(encodeKey(key));
    const before = this.#last.get(name);
    const own = (async () => {
      await before?.catch(() => undefined);
      const present = await read();
      const value = await change(present?.value, present?.siblings ?? []);
      await write(value, present?.context);
      return value;
    })();
    this.#last.set(name, own);
    return own.finally(() => {
      if (this.#last.get(name) === own) this.#last.delete(name);
    });
  }
}
