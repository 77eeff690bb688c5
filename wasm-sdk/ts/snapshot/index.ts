/**
 * All keys of a store as a stream of bytes, and back: to keep them elsewhere, or to take them to another store or cluster.
 *
 * @packageDocumentation
 * @example
 * import { snapshot, restore } from 'henge/snapshot';
 *
 * const file = await fileHandle.createWritable();
 * await snapshot(store).pipeTo(file);
 * await restore(other, (await fileHandle.getFile()).stream());
 */
import { decodeValue, describe, encodeKey, encodeValue, decodeKey } from '../codec.js';
import { StoreError } from '../errors.js';
import { checkChoice, checkOptions, checkSignal } from '../options.js';
import type { Key, Selector } from '../types.js';
import { block, BLOCK_BYTES, checkHeader, corrupt, entriesOf, entryBytes, header, HEADER_BYTES, type Entry } from './format.js';
import { Blocks } from './blocks.js';

/** What a snapshot is made of: what `open()` or `connect()` returns. */
export interface SnapshotSource {
  /** Its keys in order, with their values. */
  list(options: Selector & { signal?: AbortSignal | undefined }): AsyncIterable<{ key: Key; value: unknown; expiresAt?: Date }>;
}

/** Where a snapshot is written to: what `open()` or `connect()` returns. */
export interface RestoreTarget {
  /** Writes a value. */
  put(key: Key, value: unknown, options: { ttlMs?: number | undefined; signal?: AbortSignal | undefined }): Promise<unknown>;
  /** Whether a key has a value. */
  has(key: Key, options: { signal?: AbortSignal | undefined }): Promise<boolean>;
  /** Where it keeps its files, if it is a store of the device. */
  readonly storage?: unknown;
}

/** Options of {@link snapshot}. */
export interface SnapshotOptions extends Selector {
  /** Gives it up. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link restore}. */
export interface RestoreOptions {
  /** What becomes of keys that have a value: the snapshot's replaces it, also if it is older, or it stays. `replace` if not given. */
  existing?: 'replace' | 'keep' | undefined;
  /** Is called now and then. */
  onProgress?: ((progress: RestoreResult) => void) | undefined;
  /** Gives it up; what was written by then stays. */
  signal?: AbortSignal | undefined;
}

/** How far a snapshot was written. */
export interface RestoreResult {
  /** Keys that were written. */
  readonly written: number;
  /** Keys that have a value, which stays. */
  readonly kept: number;
  /** Keys whose values have ended since the snapshot was made. */
  readonly expired: number;
}

/**
 * The keys of `store` that `options` select, all if it selects none, as bytes: what `store.list()` lists, in its order. It reads as
 * fast as the stream is read.
 */
export function snapshot(store: SnapshotSource, options: SnapshotOptions = {}): ReadableStream<Uint8Array> {
  checkOptions('snapshot()', ['prefix', 'start', 'end', 'signal'], options);
  const entries = store.list(options)[Symbol.asyncIterator]();
  let count = 0;
  let isDone = false;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(header()),
      async pull(controller) {
        const taken: Entry[] = [];
        for (let bytes = 0; bytes < BLOCK_BYTES && !isDone; ) {
          const { value: entry, done } = await entries.next();
          isDone = done === true;
          if (done) break;
          const stored = encode(entry);
          bytes += entryBytes(stored);
          taken.push(stored);
        }
        if (taken.length > 0) controller.enqueue(block(taken, count));
        count += taken.length;
        if (!isDone) return;
        controller.enqueue(block([], count));
        controller.close();
      },
      cancel: async (reason) => void (await entries.return?.(reason)),
    },
    { highWaterMark: 0 },
  );
}

/**
 * Writes what {@link snapshot} has made to `store`, and resolves when all of it is as durable as `store.put()` makes it. Values
 * end when they would have ended. If it rejects, what came before in the snapshot is written; it can be restored again from the
 * beginning.
 */
export async function restore(
  store: RestoreTarget,
  stream: ReadableStream<Uint8Array>,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  checkOptions('restore()', ['existing', 'onProgress', 'signal'], options);
  const { signal, onProgress } = options;
  checkSignal(signal);
  const keeps = checkChoice('existing', ['replace', 'keep'] as const, options.existing) === 'keep';
  if (typeof stream?.getReader !== 'function') throw new TypeError(`restore() takes a ReadableStream of bytes, not ${describe(stream)}`);
  const blocks = new Blocks(stream);
  const result = { written: 0, kept: 0, expired: 0 };
  const isThere = (key: Key): Promise<boolean> =>
    store.has(key, { signal }).catch((error: StoreError) => {
      // A device without a connection knows no more of a key than that it does not have it.
      if (store.storage !== undefined && error.code === 'UNAVAILABLE') return false;
      throw error;
    });
  const write = async ({ key: keyBytes, encoding, value, expiresAtMs }: Entry): Promise<void> => {
    const key = decodeKey(keyBytes);
    const ttlMs = expiresAtMs === 0 ? undefined : Math.ceil(expiresAtMs - Date.now());
    if (ttlMs !== undefined && ttlMs <= 0) result.expired += 1;
    else if (keeps && (await patiently(() => isThere(key), signal))) result.kept += 1;
    else {
      await patiently(() => store.put(key, decodeValue(encoding, value, key), { ttlMs, signal }), signal);
      result.written += 1;
    }
  };
  try {
    const begin = await blocks.take(HEADER_BYTES);
    if (!begin) throw corrupt('there are fewer bytes than a snapshot begins with');
    checkHeader(begin);
    for (let count = 0; ; ) {
      const taken = await blocks.next();
      if (!taken) throw corrupt(`the snapshot ends behind ${count} entries, before its end: it was cut off`);
      const entries = entriesOf(taken.head, taken.body, count);
      if (entries.length === 0) break;
      count += entries.length;
      for (let at = 0; at < entries.length; at += WRITES_MAX) {
        await Promise.all(entries.slice(at, at + WRITES_MAX).map(write));
        onProgress?.({ ...result });
      }
    }
    if (await blocks.take(1)) throw corrupt('there are bytes behind the end of the snapshot');
  } finally {
    await blocks.end();
  }
  return result;
}

/** A key as a snapshot has it. */
function encode({ key, value, expiresAt }: { key: Key; value: unknown; expiresAt?: Date }): Entry {
  const { encoding, bytes } = encodeValue(value);
  return { key: encodeKey(key), encoding, value: bytes, expiresAtMs: expiresAt?.getTime() ?? 0 };
}

/** Does `work` again while the store has too much to do, for a while. */
async function patiently<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let waitMs = WAIT_FIRST_MS, leftMs = WAIT_MS_MAX; ; leftMs -= waitMs, waitMs = Math.min(2 * waitMs, WAIT_LAST_MS)) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as StoreError;
      if ((code !== 'RATE_LIMITED' && code !== 'QUOTA_EXCEEDED') || leftMs <= 0 || signal?.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** Writes under way at a time. */
const WRITES_MAX = 256;
/** How long a store that has too much to do is waited for at first, then at most each time, and in all, in milliseconds. */
const WAIT_FIRST_MS = 20;
const WAIT_LAST_MS = 1_000;
const WAIT_MS_MAX = 30_000;
