import type { StorageKind } from '../types.js';
import type { Medium, StoredFile } from './medium.js';

/** A store of chunks of bytes under names: what a medium without files needs to have. */
export interface ChunkStore {
  /** What {@link StorageInfo.kind} says. */
  readonly kind: StorageKind;
  /** The names of all chunks. Called once, before everything else. */
  names(): Promise<readonly string[]>;
  /** The chunks of these names, in the same order; `undefined` for one that is not there. */
  read(names: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Writes some chunks and removes others, all or nothing; durable when it resolves. */
  commit(puts: readonly (readonly [name: string, bytes: Uint8Array])[], removals: readonly string[]): Promise<void>;
  /** Lets go of everything. */
  close(): Promise<void>;
}

/** A part of a file that is stored. */
interface Chunk {
  offset: number;
  length: number;
}

/** A file, and what of it is only in memory. */
interface ChunkedFile {
  chunks: Chunk[];
  /** The bytes of the last chunks that are small and were written here: together they become one. */
  tail: Uint8Array[];
  /** Appended and not synced: behind the chunks, in this order. */
  unsynced: Uint8Array[];
  /** The last request; the next waits for it. */
  queue: Promise<unknown>;
}

/**
 * Files in a {@link ChunkStore}. What is appended stays in memory until it is synced; then it becomes a
 * chunk, and small chunks become one when there are many, so that no sync writes much more than what is
 * new. A chunk is named `file/offset/length`.
 */
export class ChunkedMedium implements Medium {
  #store: ChunkStore;
  #files = new Map<string, ChunkedFile>();
  /** Chunks of which a part was read, the latest last: tables are read block by block, and mostly in their order. */
  #kept = new Map<string, Uint8Array>();

  constructor(store: ChunkStore) {
    this.#store = store;
  }

  get kind(): StorageKind {
    return this.#store.kind;
  }

  async open(): Promise<readonly StoredFile[]> {
    for (const name of await this.#store.names()) {
      const [file, offset, length] = name.split('/');
      if (!file || !offset || !length) continue;
      this.#file(file).chunks.push({ offset: Number(offset), length: Number(length) });
    }
    for (const { chunks } of this.#files.values()) chunks.sort((a, b) => a.offset - b.offset);
    return [...this.#files].map(([name, file]) => ({ name, length: storedLength(file) }));
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (file) => {
      const length = lengthOf(file);
      if (length !== offset) throw new Error(`${name} has ${length} bytes, not ${offset}`);
      file.unsynced.push(bytes);
    });
  }

  sync(name: string): Promise<void> {
    return this.#inTurn(name, async (file) => {
      if (file.unsynced.length === 0) return;
      const isFull = file.tail.length === TAIL_CHUNKS_MAX || lengthOfAll([...file.tail, ...file.unsynced]) >= SMALL;
      const joined = isFull ? file.tail : [];
      const old = file.chunks.slice(file.chunks.length - joined.length);
      const bytes = concat([...joined, ...file.unsynced]);
      const pieces = cut(bytes, old[0]?.offset ?? storedLength(file));
      await this.#commit(
        pieces.map(({ chunk, bytes }) => [chunkName(name, chunk), bytes] as const),
        old.map((chunk) => chunkName(name, chunk)),
      );
      file.chunks.splice(file.chunks.length - old.length, old.length, ...pieces.map(({ chunk }) => chunk));
      file.tail = [...(isFull ? [] : file.tail), ...(bytes.length < SMALL ? [bytes] : [])];
      file.unsynced = [];
    });
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#inTurn(name, async (file) => {
      const end = offset + length;
      const wanted = file.chunks.filter((chunk) => chunk.offset < end && chunk.offset + chunk.length > offset);
      const found = await this.#fetch(wanted.map((chunk) => chunkName(name, chunk)));
      const parts = wanted.map((chunk, index) => {
        const bytes = found[index];
        if (bytes?.length !== chunk.length) throw new Error(`a part of ${name} is gone; was the storage cleared?`);
        if (chunk.length > length) this.#keep(chunkName(name, chunk), bytes);
        return bytes.subarray(Math.max(0, offset - chunk.offset), end - chunk.offset);
      });
      let at = storedLength(file);
      for (const bytes of file.unsynced) {
        if (at < end && at + bytes.length > offset) parts.push(bytes.subarray(Math.max(0, offset - at), end - at));
        at += bytes.length;
      }
      return concat(parts);
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (file) => {
      const pieces = cut(bytes, 0);
      const puts = pieces.map((piece) => [chunkName(name, piece.chunk), piece.bytes] as const);
      const stay = new Set(puts.map(([chunk]) => chunk));
      const removals = file.chunks.map((it) => chunkName(name, it)).filter((chunk) => !stay.has(chunk));
      await this.#commit(puts, removals);
      Object.assign(file, { chunks: pieces.map(({ chunk }) => chunk), tail: [], unsynced: [] });
    });
  }

  truncate(name: string, length: number): Promise<void> {
    return this.#inTurn(name, async (file) => {
      const beyond = file.chunks.filter((chunk) => chunk.offset + chunk.length > length);
      const cut = beyond.find((chunk) => chunk.offset < length);
      const puts: [string, Uint8Array][] = [];
      const kept = file.chunks.filter((chunk) => !beyond.includes(chunk));
      if (cut) {
        const [bytes] = await this.#store.read([chunkName(name, cut)]);
        if (!bytes) throw new Error(`a part of ${name} is gone; was the storage cleared?`);
        const chunk = { offset: cut.offset, length: length - cut.offset };
        puts.push([chunkName(name, chunk), bytes.slice(0, chunk.length)]);
        kept.push(chunk);
      }
      await this.#commit(puts, beyond.map((chunk) => chunkName(name, chunk)));
      Object.assign(file, { chunks: kept, tail: [], unsynced: [] });
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async (file) => {
      if (file.chunks.length > 0) await this.#commit([], file.chunks.map((chunk) => chunkName(name, chunk)));
      this.#files.delete(name);
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#files.values()].map((file) => file.queue));
    await this.#store.close();
  }

  /** The chunks of these names; those that are kept are not asked for. */
  async #fetch(names: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    // Looked up now: others may take their place while the rest is read.
    const found = new Map(names.map((name) => [name, this.#kept.get(name)]));
    const missing = names.filter((name) => !found.get(name));
    const read = missing.length > 0 ? await this.#store.read(missing) : [];
    missing.forEach((name, index) => found.set(name, read[index]));
    return names.map((name) => found.get(name));
  }

  #keep(name: string, bytes: Uint8Array): void {
    this.#kept.delete(name);
    this.#kept.set(name, bytes);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > KEPT_MAX) this.#kept.delete(oldest);
  }

  /** Writes and removes chunks, which are kept no longer. */
  async #commit(puts: readonly (readonly [name: string, bytes: Uint8Array])[], removals: readonly string[]): Promise<void> {
    for (const [name] of puts) this.#kept.delete(name);
    for (const name of removals) this.#kept.delete(name);
    await this.#store.commit(puts, removals);
  }

  #file(name: string): ChunkedFile {
    let file = this.#files.get(name);
    if (!file) {
      file = { chunks: [], tail: [], unsynced: [], queue: Promise.resolve() };
      this.#files.set(name, file);
    }
    return file;
  }

  #inTurn<T>(name: string, work: (file: ChunkedFile) => Promise<T>): Promise<T> {
    const file = this.#file(name);
    const result = file.queue.then(() => work(file));
    file.queue = result.catch(() => undefined);
    return result;
  }
}

/** Bytes that begin at `offset` of their file, in pieces that every store takes. */
function cut(bytes: Uint8Array, offset: number): { chunk: Chunk; bytes: Uint8Array }[] {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    const piece = bytes.length > CHUNK_BYTES_MAX ? bytes.slice(at, at + CHUNK_BYTES_MAX) : bytes;
    pieces.push({ chunk: { offset: offset + at, length: piece.length }, bytes: piece });
  }
  return pieces;
}

function chunkName(file: string, { offset, length }: Chunk): string {
  return `${file}/${offset}/${length}`;
}

function storedLength({ chunks }: ChunkedFile): number {
  const last = chunks.at(-1);
  return last ? last.offset + last.length : 0;
}

function lengthOf(file: ChunkedFile): number {
  return storedLength(file) + lengthOfAll(file.unsynced);
}

function lengthOfAll(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(lengthOfAll(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A chunk has at most so many bytes: Durable Objects take 2 MiB. */
const CHUNK_BYTES_MAX = 1_048_576;
/** Most chunks that are kept in memory. */
const KEPT_MAX = 8;
/** Chunks below this, in bytes, are written once more, as one. */
const SMALL = 16_384;
/** So many small chunks become one, also if that is small. */
const TAIL_CHUNKS_MAX = 32;
