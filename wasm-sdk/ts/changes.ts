import { StoreError } from './errors.js';
import type { Change, WatchOptions } from './types.js';

/** The changes that a listener hears, for who takes them one after another. */
export async function* queueOf<T>(
  subscribe: (listener: (change: Change<T>) => void) => () => void,
  initial: () => AsyncIterable<Change<T>>,
  options: WatchOptions,
): AsyncGenerator<Change<T>, void> {
  const { signal } = options;
  let waiting: Change<T>[] = [];
  let wake: (() => void) | undefined;
  const put = (change: Change<T>): void => {
    // Who is slow is told to read anew instead of all that was missed.
    if (waiting.length >= QUEUE_MAX) waiting = [{ type: 'resync' }];
    else waiting.push(change);
    wake?.();
  };
  const stop = subscribe(put);
  const onAbort = (): void => wake?.();
  signal?.addEventListener('abort', onAbort);
  try {
    if (options.initial) yield* initial();
    while (!signal?.aborted) {
      const next = waiting.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    throw new StoreError('ABORTED', 'the watch was ended by its signal', { cause: signal?.reason });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop();
  }
}

/** Changes that wait for a slow reader. */
const QUEUE_MAX = 10_000;
