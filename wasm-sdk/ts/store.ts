import { decodeContext, encodeKey, encodeValue } from './codec.js';
import type { Connection } from './connection.js';
import { checkOptions, checkSignal, checkTimeout, type Levels } from './options.js';
import type { Entry, Key, Level, ReadOptions, Status, Store, Value, Version, WriteOptions } from './types.js';

/** What calls take that say nothing else. */
export interface Defaults {
  r: Level | undefined;
  w: Level | undefined;
  timeoutMs: number | undefined;
}

/** The store that `connect()` returns. */
export class HengeStore implements Store {
  #connection: Connection;
  #levels: Levels;
  #defaults: Defaults;

  constructor(connection: Connection, levels: Levels, defaults: Defaults) {
    this.#connection = connection;
    this.#levels = levels;
    this.#defaults = defaults;
  }

  get status(): Status {
    return this.#connection.state;
  }

  async get<T = Value>(key: Key, options?: ReadOptions): Promise<T | undefined> {
    return this.#read<T | undefined>('get()', key, options, Want.value);
  }

  async getEntry<T = Value>(key: Key, options?: ReadOptions): Promise<Entry<T> | undefined> {
    return this.#read<Entry<T> | undefined>('getEntry()', key, options, Want.entry);
  }

  async has(key: Key, options?: ReadOptions): Promise<boolean> {
    return this.#read<boolean>('has()', key, options, Want.existence);
  }

  async put<T = Value>(key: Key, value: T, options?: WriteOptions): Promise<Version> {
    const { level, timeoutMs, context } = this.#write('put()', options);
    const { encoding, bytes } = encodeValue(value);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) =>
      engine.put(keyBytes, encoding, bytes, level, timeoutMs, context),
    );
  }

  async delete(key: Key, options?: WriteOptions): Promise<Version> {
    const { level, timeoutMs, context } = this.#write('delete()', options);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) => engine.delete(keyBytes, level, timeoutMs, context));
  }

  onStatus(listener: (status: Status) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('onStatus() takes a function');
    return this.#connection.onStatus(listener);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read<T>(call: string, key: Key, options: ReadOptions | undefined, want: number): Promise<T> {
    checkOptions(call, READ_OPTIONS, options);
    checkSignal(options?.signal);
    const level = this.#levels.code(options?.r ?? this.#defaults.r);
    const timeoutMs = checkTimeout(options?.timeoutMs ?? this.#defaults.timeoutMs);
    const keyBytes = encodeKey(key);
    return this.#connection.call(key, options?.signal, (engine) => engine.get(keyBytes, level, timeoutMs, want));
  }

  #write(call: string, options: WriteOptions | undefined): { level: number; timeoutMs: number; context: Uint8Array } {
    checkOptions(call, WRITE_OPTIONS, options);
    checkSignal(options?.signal);
    return {
      level: this.#levels.code(options?.w ?? this.#defaults.w),
      timeoutMs: checkTimeout(options?.timeoutMs ?? this.#defaults.timeoutMs),
      context: decodeContext(options?.context),
    };
  }
}

/** What a read wants of an entry, as the engine takes it. */
export const Want = { value: 0, entry: 1, existence: 2 } as const;

const READ_OPTIONS: readonly string[] = ['r', 'timeoutMs', 'signal'];
const WRITE_OPTIONS: readonly string[] = ['w', 'timeoutMs', 'signal', 'context'];
