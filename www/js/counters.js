/** What the shards of a stone count, summed, and the rate that the counters give over time. */

const SUMMED = ['restarts', 'guest_bytes', 'failures', 'repairs'];
const SUMMED_OF_STORAGE = ['keys', 'memory_bytes', 'log_bytes', 'table_bytes'];

/** Sums the shards of one `/v1/status` answer. */
export function totals(status) {
  const sum = Object.fromEntries([...SUMMED, ...SUMMED_OF_STORAGE].map((field) => [field, 0]));
  for (const shard of status.shards ?? []) {
    for (const field of SUMMED) sum[field] += Number(shard[field] ?? 0);
    for (const field of SUMMED_OF_STORAGE) sum[field] += Number(shard.storage?.[field] ?? 0);
  }
  sum.shards = (status.shards ?? []).length;
  sum.ready = (status.shards ?? []).filter((shard) => shard.ready).length;
  return sum;
}

/**
 * Operations that each shard has coordinated, or `null` if one did not give its numbers: a shard
 * that is not ready reports zeros.
 */
export function operations(status) {
  const shards = status.shards ?? [];
  return shards.every((shard) => shard.ready) ? shards.map((shard) => shard.reads + shard.writes) : null;
}

/** Operations a second over the last samples, from counters that a restart sets back to 0. */
export class RateHistory {
  #last = null;
  /** Rates a second, oldest first; `null` where there was no answer. */
  samples = [];

  /** Takes the counter of each shard at `at_ms`; `null` is no answer. */
  push(counts, at_ms) {
    if (counts === null) {
      this.gap();
      return;
    }
    if (this.#last) {
      const done = counts.map((count, i) => sinceLast(count, this.#last.counts[i] ?? 0));
      this.#keep((done.reduce((sum, n) => sum + n, 0) * 1000) / Math.max(1, at_ms - this.#last.at_ms));
    }
    this.#last = { counts, at_ms };
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

/** What was counted between two looks; a counter below its last value began again from 0. */
const sinceLast = (count, last) => (count >= last ? count - last : count);

/** A minute at one sample a second. */
export const HISTORY_SAMPLES = 60;
