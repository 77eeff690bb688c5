import { describe, encodeKey } from './codec.js';
import { aborted, checkSignal } from './options.js';
import { encodeSpan, type EncodedSpan } from './span.js';
import type { Key, Listing, PageOptions } from './types.js';

/** Some keys of a listing, in their order. */
export interface Page<R> {
  readonly rows: readonly R[];
  /** Behind which key to go on, if there may be more. */
  readonly next: Uint8Array | undefined;
}

/** What a listing lists. */
export interface ListRange {
  readonly span: EncodedSpan;
  readonly after: Uint8Array;
  readonly limit: number;
  readonly isReverse: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What an application wants to list, checked. */
export function rangeOf({ limit = Infinity, reverse = false, cursor, signal, prefix, start, end }: PageOptions): ListRange {
  checkSignal(signal);
  if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0)) {
    throw new TypeError(`limit must be a whole number above 0, not ${describe(limit)}`);
  }
  const after = cursor === undefined ? new Uint8Array(0) : encodeKey(cursor);
  return { span: encodeSpan('list()', { prefix, start, end }), after, limit, isReverse: reverse, signal };
}

/** A listing, page by page. */
export class PagedListing<R extends { readonly keyBytes: Uint8Array }, E extends { readonly key: Key }> implements Listing<unknown, E> {
  #page: (after: Uint8Array, left: number) => Promise<Page<R>>;
  #entryOf: (row: R) => E;
  #after: Uint8Array;
  #left: number;
  #signal: AbortSignal | undefined;
  #cursor: Key | undefined;

  /** `page` gets at most `left` keys behind `after`. */
  constructor(
    { after, limit, signal }: ListRange,
    page: (after: Uint8Array, left: number) => Promise<Page<R>>,
    entryOf: (row: R) => E,
  ) {
    this.#after = after;
    this.#left = limit;
    this.#signal = signal;
    this.#page = page;
    this.#entryOf = entryOf;
  }

  get cursor(): Key | undefined {
    return this.#cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void> {
    while (this.#left > 0) {
      if (this.#signal?.aborted) throw aborted(this.#signal, 'the listing was given up by its signal');
      const { rows, next } = await this.#page(this.#after, this.#left);
      for (const row of rows) {
        const entry = this.#entryOf(row);
        this.#left -= 1;
        this.#after = row.keyBytes;
        this.#cursor = entry.key;
        yield entry;
      }
      if (!next) {
        this.#cursor = undefined;
        return;
      }
      this.#after = next;
    }
  }

  async toArray(): Promise<E[]> {
    const entries: E[] = [];
    for await (const entry of this) entries.push(entry);
    return entries;
  }
}
