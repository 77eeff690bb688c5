import { ChangeQueue } from './changes.js';
import { decodeText, encodeContext } from './codec.js';
import type { Connection, WatchNews } from './connection.js';
import type { EncodedSpan } from './span.js';
import type { Entry, RingChange, RingWatchOptions, Watch } from './types.js';

/** A watch of the ring: it begins when it is iterated, and goes on where it was when that is done again. */
export class RingWatch<T> implements Watch<T> {
  #connection: Connection;
  #span: EncodedSpan;
  #signal: AbortSignal | undefined;
  #initial: ((watch: number) => AsyncIterable<Entry<T>>) | undefined;
  #token: Uint8Array;
  #notedAt = 0;
  #current: { id: number; queue: ChangeQueue<WatchNews> } | undefined;

  /** `initial` lists what is there, without what the watch has told. */
  constructor(
    connection: Connection,
    span: EncodedSpan,
    options: RingWatchOptions,
    initial: (watch: number) => AsyncIterable<Entry<T>>,
  ) {
    this.#connection = connection;
    this.#span = span;
    this.#signal = options.signal;
    this.#initial = options.initial ? initial : undefined;
    this.#token = decodeText(options.token, 'token', 'a watch had as its `token`');
  }

  get token(): string | undefined {
    this.#note();
    return this.#token.length === 0 ? undefined : encodeContext(this.#token);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RingChange<T>, void> {
    const queue = new ChangeQueue<WatchNews>();
    const id = this.#connection.watch(this.#span, this.#token, queue);
    this.#current = { id, queue };
    try {
      for await (const news of queue.take(this.#signal)) {
        if (news.type === 'synced' && this.#initial) {
          for await (const entry of this.#initial(id)) yield { type: 'set', ...entry, source: 'ring' };
          this.#initial = undefined;
          // What was told meanwhile is not in the list: it belongs to what is there as well.
          queue.put(news);
          continue;
        }
        // At each change it would cost more than the change.
        if (queue.isEmpty && performance.now() - this.#notedAt > NOTE_MS) this.#note();
        yield news.type === 'changed' ? this.#connection.changeOf<T>(news.item) : news;
      }
    } finally {
      this.#note();
      this.#current = undefined;
      this.#connection.unwatch(id);
    }
  }

  /**
   * Where the watch is, if all that it was told has been taken: else whoever went on from there would miss what
   * still waits here.
   */
  #note(): void {
    if (!this.#current?.queue.isEmpty || this.#initial) return;
    this.#notedAt = performance.now();
    this.#token = this.#connection.watchToken(this.#current.id) ?? this.#token;
  }
}

/** How often a watch notes by itself where it is, in milliseconds. */
const NOTE_MS = 1_000;
