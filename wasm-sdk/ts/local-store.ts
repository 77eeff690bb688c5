import { decodeContext, encodeKey, encodeValue, type EncodedValue } from './codec.js';
import type { LeafPort } from './leaf-port.js';
import { checkChoice, checkOptions, checkSignal, checkTimeout, checkTtl, type Levels } from './options.js';
import { Want } from './store.js';
import type {
  FlushOptions,
  Key,
  LocalEntry,
  LocalReadOptions,
  LocalStore,
  LocalWriteOptions,
  Receipt,
  RefusedWrite,
  Status,
  StorageInfo,
  Value,
} from './types.js';

/** The store that `open()` returns. */
export class HengeLocalStore implements LocalStore {
  readonly name: string;
  #port: LeafPort;
  #levels: Levels;

  constructor(name: string, port: LeafPort, levels: Levels) {
    this.name = name;
    this.#port = port;
    this.#levels = levels;
  }

  get storage(): StorageInfo {
    return this.#port.storage;
  }

  get status(): Status {
    return this.#port.state;
  }

  get pending(): number {
    return this.#port.pending;
  }

  async get<T = Value>(key: Key, options?: LocalReadOptions): Promise<T | undefined> {
    return this.#read<T | undefined>('get()', key, options, Want.value);
  }

  async getEntry<T = Value>(key: Key, options?: LocalReadOptions): Promise<LocalEntry<T> | undefined> {
    return this.#read<LocalEntry<T> | undefined>('getEntry()', key, options, Want.entry);
  }

  async has(key: Key, options?: LocalReadOptions): Promise<boolean> {
    return this.#read<boolean>('has()', key, options, Want.existence);
  }

  async put<T = Value>(key: Key, value: T, options?: LocalWriteOptions): Promise<Receipt> {
    checkOptions('put()', PUT_OPTIONS, options);
    return this.#write(key, encodeValue(value), options);
  }

  async delete(key: Key, options?: Omit<LocalWriteOptions, 'ttlMs'>): Promise<Receipt> {
    checkOptions('delete()', DELETE_OPTIONS, options);
    return this.#write(key, undefined, options);
  }

  async flush(options?: FlushOptions): Promise<void> {
    checkOptions('flush()', ['durability'], options);
    return this.#port.flush(checkChoice('durability', ['local', 'ring'] as const, options?.durability) ?? 'ring');
  }

  onStatus(listener: (status: Status) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onStatus() takes a function');
    return this.#port.onStatus(listener);
  }

  onRefused(listener: (refused: RefusedWrite) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onRefused() takes a function');
    return this.#port.onRefused(listener);
  }

  async close(): Promise<void> {
    await this.#port.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read<T>(call: string, key: Key, options: LocalReadOptions | undefined, want: number): Promise<T> {
    checkOptions(call, READ_OPTIONS, options);
    checkSignal(options?.signal);
    const from = checkChoice('from', SOURCES, options?.from) ?? 'nearest';
    const level = this.#levels.code(options?.r);
    const timeoutMs = checkTimeout(options?.timeoutMs);
    const keyBytes = encodeKey(key);
    return this.#port.read({ key, keyBytes, from: SOURCES.indexOf(from), level, timeoutMs, want }, options?.signal);
  }

  async #write(
    key: Key,
    value: EncodedValue | undefined,
    options: LocalWriteOptions | undefined,
  ): Promise<Receipt> {
    checkSignal(options?.signal);
    const until = checkChoice('durability', ['memory', 'local', 'ring'] as const, options?.durability) ?? 'local';
    const ttlMs = checkTtl(options?.ttlMs);
    const receipt = this.#port.write({ key, keyBytes: encodeKey(key), value, ttlMs, context: decodeContext(options?.context) });
    return receipt.until(until, options?.signal);
  }
}

/** Where to read, as the engine numbers it. */
const SOURCES = ['nearest', 'local', 'ring'] as const;
const READ_OPTIONS: readonly string[] = ['from', 'r', 'timeoutMs', 'signal'];
const DELETE_OPTIONS: readonly string[] = ['durability', 'context', 'signal'];
const PUT_OPTIONS: readonly string[] = [...DELETE_OPTIONS, 'ttlMs'];
