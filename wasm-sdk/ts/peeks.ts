import { nameOf, type EncodedSpan } from './span.js';

/** The value of a key that somebody subscribes to by its name. */
interface Peek {
  value: unknown;
  /** Counts the changes, so that what was read before the last of them is not taken. */
  changes: number;
  holders: number;
  load: () => Promise<unknown>;
}

/** The values that can be had without waiting. */
export class Peeks {
  #peeks = new Map<string, Peek>();

  /** The value of `name`. */
  get(name: string): unknown {
    return this.#peeks.get(name)?.value;
  }

  /** Keeps the value of `span`, if that is one key, until it is let go. */
  hold(span: EncodedSpan, load: () => Promise<unknown>): () => void {
    if (span.kind !== 0) return () => undefined;
    const name = nameOf(span.from);
    let peek = this.#peeks.get(name);
    if (!peek) {
      peek = { value: undefined, changes: 0, holders: 0, load };
      this.#peeks.set(name, peek);
      void this.#load(peek);
    }
    const held = peek;
    held.holders += 1;
    return () => {
      held.holders -= 1;
      if (held.holders === 0) this.#peeks.delete(name);
    };
  }

  /** A key has another value. */
  changed(name: string, value: unknown): void {
    const peek = this.#peeks.get(name);
    if (!peek) return;
    peek.changes += 1;
    peek.value = value;
  }

  /** Changes were missed. */
  reload(): void {
    for (const peek of this.#peeks.values()) void this.#load(peek);
  }

  async #load(peek: Peek): Promise<void> {
    const { changes } = peek;
    const value = await peek.load().catch(() => undefined);
    if (peek.changes === changes) peek.value = value;
  }
}
