import { StoreError } from '../errors.js';
import type { LocalStore } from '../types.js';
import { together } from './together.js';

/** How much of the ring a state shows: nothing was read yet, what this device has, all that the ring has. */
export type Loaded = 'loading' | 'local' | 'synced';

/** Something of a store that components show: one for all of them, kept up to date while there are any. */
export abstract class Source<S> {
  #snapshot: S;
  #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;
  #forget: () => void;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #settle = (): void => this.#publish();

  /** Shows `first` until it knows more; calls `forget` when nobody has wanted it for a while. */
  constructor(first: S, forget: () => void) {
    this.#snapshot = first;
    this.#forget = forget;
    this.#linger();
  }

  /** What is shown: the same object until it changes. */
  get snapshot(): S {
    return this.#snapshot;
  }

  /** Calls `listener` when the snapshot has changed; returns what stops it. */
  listen(listener: () => void): () => void {
    clearTimeout(this.#lingering);
    this.#listeners.add(listener);
    this.#stop ??= this.#begin();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#linger();
    };
  }

  /** Subscribes to what it shows; returns what ends that. */
  protected abstract begin(): () => void;

  /** It cannot be had. */
  protected abstract failed(error: StoreError): void;

  /** What is to be shown now; `now` is what is shown. */
  protected abstract next(now: S): S;

  /** There may be something else to show. */
  protected changed(): void {
    together(this.#settle);
  }

  #begin(): () => void {
    try {
      return this.begin();
    } catch (error) {
      // An effect that throws takes the whole page down, for a store that is just being closed.
      if (!(error instanceof StoreError)) throw error;
      this.failed(error);
      return () => undefined;
    }
  }

  #publish(): void {
    const next = this.next(this.#snapshot);
    if (next === this.#snapshot) return;
    this.#snapshot = next;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Who goes is often back at once: in strict mode, behind a boundary that waits, on the next page. */
  #linger(): void {
    this.#lingering = setTimeout(() => {
      this.#stop?.();
      this.#forget();
    }, LINGER_MS);
  }
}

/** The source `name` of `store`; `make` makes it if there is none. */
export function sourceOf<S extends Source<unknown>>(store: LocalStore, name: string, make: (forget: () => void) => S): S {
  let sources = all.get(store);
  if (!sources) all.set(store, (sources = new Map()));
  const known = sources;
  let source = known.get(name) as S | undefined;
  if (!source) known.set(name, (source = make(() => known.delete(name))));
  return source;
}

const all = new WeakMap<LocalStore, Map<string, Source<unknown>>>();
/** How long a source is kept that nobody wants, in milliseconds. */
const LINGER_MS = 1_000;
