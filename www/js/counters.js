/** What the shards of a stone count, summed, and the rate that the counters give over time. */

const SUMMED = ['restarts', 'keys', 'memory_bytes', 'log_bytes', 'reads', 'writes', 'failures', 'repairs'];

/** Sums the shards of one `/v1/status` answer. */
export function totals(status) {
  const sum = Object.fromEntries(SUMMED.map((field) => [field, 0]));
  for (const shard of status.shards ?? []) {
    for (const field of SUMMED) sum[field] += Number(shard[field] ?? 0);
  }
  sum.shards = (status.shards ?? []).length;
  sum.ready = (status.shards ?? []).filter((shard) => shard.ready !== false).length;
  return sum;
}

/** Operations a second over the last samples, from a counter that a restart may set back. */
export class RateHistory {
  #last = null;
  /** Rates a second, oldest first; `null` where there was no answer. */
  samples = [];

  /** Takes the counter's value at `at_ms`; a value below the last one began again from 0. */
  push(count, at_ms) {
    if (this.#last) {
      const done = count >= this.#last.count ? count - this.#last.count : count;
      this.#keep((done * 1000) / Math.max(1, at_ms - this.#last.at_ms));
    }
    this.#last = { count, at_ms };
  }

  /** Notes a round without an answer. */
  gap() {
    this.#last = null;
    this.#keep(null);
  }

  /** The newest rate, or `null`. */
  get now() {
    return this.samples.at(-1) ?? null;
  }

  #keep(sample) {
    this.samples.push(sample);
    if (this.samples.length > HISTORY_SAMPLES) this.samples.shift();
  }
}

/** A minute at one sample a second. */
export const HISTORY_SAMPLES = 60;
