import type { StoreError } from '../errors.js';
import type { Change, Key, LocalStore, Value } from '../types.js';
import { unlessSame } from './same.js';
import { Source, type Loaded } from './source.js';

/** What is known of a key. */
export interface ValueState<T = Value> {
  /** The value; `undefined` if there is none, or none was read yet. */
  readonly value: T | undefined;
  /** `loading` until the storage of this device was read; `synced` once the value is as the ring has it. */
  readonly status: Loaded;
  /** Why it cannot be had, if that is so. */
  readonly error?: StoreError;
}

/** The value of a key, for components. */
export class ValueSource<T> extends Source<ValueState<T>> {
  #store: LocalStore;
  #key: Key;
  #state: ValueState<T>;
  /** Counts what was heard, so that what was read before the last of it is not taken. */
  #heard = 0;

  constructor(store: LocalStore, key: Key, forget: () => void) {
    const value = store.peek<T>(key);
    const first = value === undefined ? LOADING : { value, status: 'local' as const };
    super(first as ValueState<T>, forget);
    this.#store = store;
    this.#key = key;
    this.#state = this.snapshot;
  }

  protected begin(): () => void {
    const stop = this.#store.subscribe<T>(this.#key, (change) => this.#hear(change));
    void this.#read();
    return stop;
  }

  protected failed(error: StoreError): void {
    this.#become({ ...this.#state, error });
  }

  protected next(now: ValueState<T>): ValueState<T> {
    const { value, status, error } = this.#state;
    return value === now.value && status === now.status && error === now.error ? now : this.#state;
  }

  #hear(change: Change<T>): void {
    const { value, status } = this.#state;
    switch (change.type) {
      case 'synced':
        return this.#become({ value, status: 'synced' });
      case 'resync':
        this.#become({ value, status: 'local' });
        return void this.#read();
      case 'set':
        return this.#become({ value: unlessSame(value, change.value), status: status === 'synced' ? 'synced' : 'local' });
      default:
        return this.#become({ value: undefined, status: status === 'synced' ? 'synced' : 'local' });
    }
  }

  /** Reads what is here: changes are told, but not what was there before them. */
  async #read(): Promise<void> {
    const heard = this.#heard;
    try {
      const value = await this.#store.get<T>(this.#key, { from: 'local' });
      if (heard === this.#heard) this.#become({ value: unlessSame(this.#state.value, value), status: 'local' });
    } catch (error) {
      // That nothing is known of it here is no failure: the ring may tell more.
      const isAbsent = (error as StoreError).code === 'UNAVAILABLE';
      if (heard === this.#heard) this.#become({ ...this.#state, status: 'local', ...(!isAbsent && { error: error as StoreError }) });
    }
  }

  #become(state: ValueState<T>): void {
    this.#heard += 1;
    this.#state = state;
    this.changed();
  }
}

/** Before anything was read, and on a server. */
export const LOADING: ValueState<never> = Object.freeze({ value: undefined, status: 'loading' });
