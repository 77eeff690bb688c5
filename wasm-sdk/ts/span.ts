import { describe, encodeKey } from './codec.js';
import type { Key, Selector } from './types.js';

/** Keys, as the engine takes them. */
export interface EncodedSpan {
  /** 0: the key `from`; 1: keys that begin so; 2: keys from there on and before `to`, if that is not empty. */
  readonly kind: number;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** The keys that an application names. */
export function encodeSpan(call: string, target: Key | Selector): EncodedSpan {
  if (typeof target === 'string' || target instanceof Uint8Array) return { kind: 0, from: encodeKey(target), to: NOTHING };
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(`${call} takes a key, or { prefix } or { start, end }, not ${describe(target)}`);
  }
  const { prefix, start, end } = target;
  if (prefix === undefined) return { kind: 2, from: start === undefined ? NOTHING : encodeKey(start), to: end === undefined ? NOTHING : encodeKey(end) };
  if (start !== undefined || end !== undefined) throw new TypeError(`${call} takes a prefix, or start and end, but not both`);
  return { kind: 1, from: encodeKey(prefix), to: NOTHING };
}

/** Whether `span` has `key`. */
export function holds({ kind, from, to }: EncodedSpan, key: Uint8Array): boolean {
  if (kind === 2) return compare(key, from) >= 0 && (to.length === 0 || compare(key, to) < 0);
  if (kind === 0 && key.length !== from.length) return false;
  return from.every((byte, at) => byte === key[at]);
}

/** What tells spans and keys apart in a map. */
export function nameOf(key: Uint8Array): string {
  return latin.decode(key);
}

/** Which of two keys comes first: below 0 if that is `a`. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const NOTHING = new Uint8Array(0);
/** Each byte is a character: any key is a name of its own. */
const latin = new TextDecoder('latin1');
