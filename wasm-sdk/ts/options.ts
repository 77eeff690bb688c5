import { describe } from './codec.js';
import { StoreError } from './errors.js';
import type { Level } from './types.js';

/** Throws if `options` has a name that `call` does not know. */
export function checkOptions(call: string, allowed: readonly string[], options: unknown): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`the options of ${call} must be an object, not ${describe(options)}`);
  }
  for (const name in options) {
    if (!allowed.includes(name)) {
      throw new TypeError(`${call} has no option ${describe(name)}; allowed are ${allowed.join(', ')}`);
    }
  }
}

/** The timeout to send, in milliseconds; 0 stands for the default. */
export function checkTimeout(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return 0;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > TIMEOUT_MAX_MS) {
    throw new TypeError(`timeoutMs must be a whole number from 1 to ${TIMEOUT_MAX_MS}, not ${describe(timeoutMs)}`);
  }
  return timeoutMs;
}

/** The time to live to send, in milliseconds; 0 stands for none. */
export function checkTtl(ttlMs: number | undefined): number {
  if (ttlMs === undefined) return 0;
  if (!Number.isInteger(ttlMs) || ttlMs < 1) {
    throw new TypeError(`ttlMs must be a whole number of milliseconds above 0, not ${describe(ttlMs)}`);
  }
  return ttlMs;
}

/** Throws if `value` is none of those that option `name` may have. */
export function checkChoice<T extends string>(name: string, allowed: readonly T[], value: T | undefined): T | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  throw new TypeError(`${name} must be one of ${allowed.join(', ')}, not ${describe(value)}`);
}

/** Throws if `signal` is none, or has fired. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.addEventListener !== 'function') {
    throw new TypeError(`signal must be an AbortSignal, not ${describe(signal)}`);
  }
  if (signal.aborted) throw aborted(signal, 'the signal had fired before the call; nothing was sent');
}

/** What a call is told whose signal has fired. */
export function aborted(signal: AbortSignal, message: string): StoreError {
  return new StoreError('ABORTED', message, { cause: signal.reason });
}

/** Levels as the engine takes them: numbers, 0 for the cluster's own. */
export class Levels {
  #codes = new Map<Level, number>();
  #codeOf: (text: string) => number;

  /** `codeOf` gives the number of a level, or throws what is allowed. */
  constructor(codeOf: (text: string) => number) {
    this.#codeOf = codeOf;
  }

  /** The number of `level`. */
  code(level: Level | undefined): number {
    if (level === undefined) return 0;
    return this.#codes.get(level) ?? this.#learn(level);
  }

  #learn(level: Level): number {
    try {
      const code = this.#codeOf(String(level));
      this.#codes.set(level, code);
      return code;
    } catch (cause) {
      throw new StoreError('LEVEL', (cause as Error).message, { cause });
    }
  }
}

/** Longest timeout that servers take. */
const TIMEOUT_MAX_MS = 60_000;
