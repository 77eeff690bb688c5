import type { LeafPort, Row } from './leaf-port.js';
import { aborted } from './options.js';
import type { EncodedSpan } from './span.js';
import type { Key, ListEntry, Listing } from './types.js';

/** A listing of a leaf, page by page. */
export class LeafListing<T> implements Listing<T> {
  #port: LeafPort;
  #ready: () => Promise<void>;
  #entryOf: (row: Row) => ListEntry<T>;
  #span: EncodedSpan;
  #after: Uint8Array;
  #left: number;
  #isReverse: boolean;
  #signal: AbortSignal | undefined;
  #cursor: Key | undefined;

  constructor(
    port: LeafPort,
    ready: () => Promise<void>,
    entryOf: (row: Row) => ListEntry<T>,
    request: { span: EncodedSpan; after: Uint8Array; limit: number; isReverse: boolean; signal: AbortSignal | undefined },
  ) {
    this.#port = port;
    this.#ready = ready;
    this.#entryOf = entryOf;
    this.#span = request.span;
    this.#after = request.after;
    this.#left = request.limit;
    this.#isReverse = request.isReverse;
    this.#signal = request.signal;
  }

  get cursor(): Key | undefined {
    return this.#cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ListEntry<T>, void> {
    await this.#ready();
    while (this.#left > 0) {
      if (this.#signal?.aborted) throw aborted(this.#signal, 'the listing was given up by its signal');
      const limit = Math.min(this.#left, PAGE_ENTRIES);
      const request = { span: this.#span, after: this.#after, limit, isReverse: this.#isReverse };
      const { rows, next } = await this.#port.list(request, this.#signal);
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

  async toArray(): Promise<ListEntry<T>[]> {
    const entries: ListEntry<T>[] = [];
    for await (const entry of this) entries.push(entry);
    return entries;
  }
}

/** Keys of one page. */
const PAGE_ENTRIES = 256;
