import { StoreError } from './errors.js';

/** Some changes were not told. */
interface Resync {
  readonly type: 'resync';
}

/** Changes that wait for who takes them one after another. */
export class ChangeQueue<C> {
  #waiting: (C | Resync)[] = [];
  #end: StoreError | undefined;
  #wake: (() => void) | undefined;

  /** Whether all that was put has been taken. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds a change. Who is slow is told to read anew instead of all that was missed. */
  put(change: C | Resync): void {
    if (this.#waiting.length >= QUEUE_MAX) this.#waiting = [{ type: 'resync' }];
    else this.#waiting.push(change);
    this.#wake?.();
  }

  /** No more will come: who has taken what waits gets this error. */
  end(error: StoreError): void {
    this.#end ??= error;
    this.#wake?.();
  }

  /** What was put, one after another, until `signal` fires. */
  async *take(signal: AbortSignal | undefined): AsyncGenerator<C | Resync, void> {
    const onAbort = (): void => this.#wake?.();
    signal?.addEventListener('abort', onAbort);
    try {
      while (!signal?.aborted) {
        const next = this.#waiting.shift();
        if (next) yield next;
        else if (this.#end) throw this.#end;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      throw new StoreError('ABORTED', 'the watch was ended by its signal', { cause: signal?.reason });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** Changes that wait for a slow reader. */
const QUEUE_MAX = 10_000;
