import { encodeKey } from '../codec.js';
import type { StoreError } from '../errors.js';
import { compare, nameOf } from '../span.js';
import type { Change, ListEntry, LocalStore, Selector, Value } from '../types.js';
import { unlessSame } from './same.js';
import { Source, type Loaded } from './source.js';

/** Options of a list. */
export interface ListLimits {
  /** How many entries at most: 1 to 10,000; 1,000 if not given. */
  limit?: number | undefined;
  /** From the last to the first. */
  reverse?: boolean | undefined;
}

/** What is known of some keys. */
export interface ListState<T = Value> {
  /** The entries, in the order of their keys. One that has not changed is the same object as before. */
  readonly entries: readonly ListEntry<T>[];
  /** `loading` until the storage of this device was read; `synced` once the entries are as the ring has them. */
  readonly status: Loaded;
  /** Whether there are more than the limit. */
  readonly hasMore: boolean;
  /** Why they cannot be had, if that is so. */
  readonly error?: StoreError;
}

/** A key with its value, or without one if it was deleted. */
interface Row<T> {
  readonly bytes: Uint8Array;
  readonly entry: ListEntry<T> | undefined;
}

/** Some keys with their values, for components. */
export class ListSource<T> extends Source<ListState<T>> {
  #store: LocalStore;
  #selector: Selector;
  #limit: number;
  #isReverse: boolean;
  #rows: Row<T>[] = [];
  /** The rows were read anew since they were shown. */
  #isFilled = false;
  #hasMore = false;
  #status: Loaded = 'loading';
  #isSynced = false;
  #error: StoreError | undefined;
  /** What was heard and is not in the rows yet, by key: the last of each. */
  #heard = new Map<string, Row<T>>();
  /** More was heard than is kept: the rows have to be read anew. */
  #isBehind = false;
  /** Ends the reading that is under way. */
  #reading: AbortController | undefined;

  constructor(store: LocalStore, selector: Selector, limit: number, isReverse: boolean, forget: () => void) {
    super(EMPTY, forget);
    this.#store = store;
    this.#selector = selector;
    this.#limit = limit;
    this.#isReverse = isReverse;
  }

  protected begin(): () => void {
    const stop = this.#store.subscribe<T>(this.#selector, (change) => this.#hear(change));
    void this.#read();
    return () => {
      stop();
      this.#reading?.abort();
    };
  }

  protected failed(error: StoreError): void {
    this.#error = error;
    this.changed();
  }

  protected next(now: ListState<T>): ListState<T> {
    const isChanged = this.#take();
    const status = this.#status !== 'loading' && this.#isSynced ? 'synced' : this.#status;
    if (!isChanged && now.status === status && now.hasMore === this.#hasMore && now.error === this.#error) return now;
    const entries = isChanged ? this.#rows.flatMap(({ entry }) => entry ?? []) : now.entries;
    const state = { entries, status, hasMore: this.#hasMore };
    return this.#error ? { ...state, error: this.#error } : state;
  }

  #hear(change: Change<T>): void {
    if ('key' in change) {
      const bytes = encodeKey(change.key);
      this.#heard.set(nameOf(bytes), { bytes, entry: change.type === 'set' ? entryOf(change) : undefined });
      if (this.#heard.size > HEARD_MAX) {
        this.#heard.clear();
        this.#isBehind = true;
      }
    } else {
      this.#isSynced = change.type === 'synced';
      if (change.type === 'resync') void this.#read();
    }
    this.changed();
  }

  /** Reads what is here. What is heard meanwhile is newer. */
  async #read(): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#heard.clear();
    this.#isBehind = false;
    try {
      const options = { ...this.#selector, reverse: this.#isReverse, limit: this.#limit + 1, from: 'local' as const };
      const entries = await this.#store.list<T>({ ...options, signal: reading.signal }).toArray();
      if (reading.signal.aborted) return;
      this.#fill(entries);
      this.#status = 'local';
      this.#error = undefined;
    } catch (error) {
      if (reading.signal.aborted) return;
      this.#error = error as StoreError;
    }
    this.#reading = undefined;
    this.changed();
  }

  /** The rows are `entries`, as far as they fit. */
  #fill(entries: ListEntry<T>[]): void {
    const old = new Map(this.#rows.map(({ bytes, entry }) => [nameOf(bytes), entry]));
    this.#hasMore = entries.length > this.#limit;
    this.#rows = entries.slice(0, this.#limit).map((entry) => {
      const bytes = encodeKey(entry.key);
      return { bytes, entry: kept(old.get(nameOf(bytes)), entry) };
    });
    this.#isFilled = true;
  }

  /** Takes what was heard into the rows; returns whether they are others now. */
  #take(): boolean {
    if (this.#reading) return false;
    let isChanged = this.#isFilled;
    this.#isFilled = false;
    for (const row of this.#heard.values()) if (this.#put(row)) isChanged = true;
    this.#heard.clear();
    const isShort = isChanged && this.#hasMore && this.#rows.length < this.#limit;
    if (isShort || this.#isBehind) void this.#read();
    return isChanged;
  }

  #put(row: Row<T>): boolean {
    const [at, isKnown] = this.#find(row.bytes);
    if (!row.entry) {
      if (isKnown) this.#rows.splice(at, 1);
      return isKnown;
    }
    // It comes behind the last of those that are shown.
    if (!isKnown && at === this.#rows.length && this.#hasMore) return false;
    const known = this.#rows[at];
    if (isKnown && known) {
      const entry = kept(known.entry, row.entry);
      if (entry === known.entry) return false;
      this.#rows[at] = { bytes: row.bytes, entry };
      return true;
    }
    this.#rows.splice(at, 0, row);
    if (this.#rows.length > this.#limit) {
      this.#rows.pop();
      this.#hasMore = true;
    }
    return true;
  }

  /** Where a key is or belongs, and whether it is there. */
  #find(bytes: Uint8Array): [number, boolean] {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const difference = compare((this.#rows[middle] as Row<T>).bytes, bytes) * (this.#isReverse ? -1 : 1);
      if (difference === 0) return [middle, true];
      if (difference < 0) low = middle + 1;
      else high = middle;
    }
    return [low, false];
  }
}

function entryOf<T>({ key, value, version, source }: Change<T> & { type: 'set' }): ListEntry<T> {
  return version === undefined ? { key, value, source } : { key, value, source, version };
}

/** `now`, or what was shown before if that is the same, whole or in parts. */
function kept<T>(before: ListEntry<T> | undefined, now: ListEntry<T>): ListEntry<T> {
  if (!before) return now;
  const value = unlessSame(before.value, now.value);
  const isSame = value === before.value && before.source === now.source && before.version === now.version;
  return isSame ? before : { ...now, value };
}

/** Before anything was read, and on a server. */
export const EMPTY: ListState<never> = Object.freeze({ entries: Object.freeze([]), status: 'loading', hasMore: false });
/** Changes that are kept until they are shown. */
const HEARD_MAX = 10_000;
