/**
 * Time and turns of the event loop for the nodes. All is taken from the runtime when this is loaded: a test that
 * puts timers of its own in their place later stops the time of the application, and not that of its servers.
 */

const { setTimeout, clearTimeout, setImmediate, MessageChannel, performance } = globalThis;
const elapsed = performance.now.bind(performance);
const [wall, began] = [Date.now(), elapsed()];

/** The time in microseconds since the Unix epoch; it never runs backwards. */
export function now(): bigint {
  return BigInt(Math.round((wall + elapsed() - began) * 1_000));
}

/** Does `work` in a later turn of the event loop, after all that was given here before. */
export const soon: (work: () => void) => void = scheduler();

/** Resolves when all is done that was given to {@link soon} so far. */
export const turn = (): Promise<void> => new Promise((resolve) => soon(resolve));

/** Resolves after so many milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** One timer that can be set again. */
export class Alarm {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Does nothing any more. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Does `work` at `at` or earlier, and nothing that it was set to before. */
  set(at: bigint, work: () => void): void {
    this.clear();
    const micros = Number(at - now());
    this.#timer = setTimeout(work, Math.min(Math.max(micros / 1_000, 0), DELAY_MAX_MS));
  }
}

function scheduler(): (work: () => void) => void {
  if (typeof setImmediate === 'function') return (work) => void setImmediate(work);
  if (typeof MessageChannel !== 'function') return (work) => void setTimeout(work, 0);
  // Pages delay timers that set timers, but no messages.
  const { port1, port2 } = new MessageChannel();
  const queue: (() => void)[] = [];
  port1.onmessage = () => queue.shift()?.();
  return (work) => {
    queue.push(work);
    port2.postMessage(undefined);
  };
}

/** A timer that is set for much longer rings at once; a node that is woken early sets it again. */
const DELAY_MAX_MS = 60_000;
