import { StoreError } from './errors.js';
import type { Context, Key } from './types.js';

/** How the bytes of a value are to be read. The numbers are stored and never change meaning. */
export const Encoding = { bytes: 0, text: 1, json: 2 } as const;

/** A value as it is stored. */
export interface EncodedValue {
  encoding: number;
  bytes: Uint8Array;
}

/** The bytes of a key. */
export function encodeKey(key: Key): Uint8Array {
  if (key instanceof Uint8Array) return key;
  if (typeof key !== 'string') {
    throw new TypeError(`a key must be a string or a Uint8Array, not ${describe(key)}`);
  }
  if (!isWellFormed(key)) {
    throw new TypeError('a key must not have half of a surrogate pair: two such keys could become one');
  }
  return encoder.encode(key);
}

/** A key as an application sees it: text, if it is that. */
export function decodeKey(bytes: Uint8Array): Key {
  try {
    return strict.decode(bytes);
  } catch {
    return bytes;
  }
}

/** A value as it is stored. */
export function encodeValue(value: unknown): EncodedValue {
  // Text that UTF-8 cannot hold goes as JSON, which escapes it, and so reads back the same.
  if (typeof value === 'string' && isWellFormed(value)) {
    return { encoding: Encoding.text, bytes: encoder.encode(value) };
  }
  if (value instanceof Uint8Array) return { encoding: Encoding.bytes, bytes: value };
  if (value instanceof ArrayBuffer) return { encoding: Encoding.bytes, bytes: new Uint8Array(value) };
  if (ArrayBuffer.isView(value)) {
    throw new TypeError(
      `a value of bytes must be a Uint8Array, not ${describe(value)}; wrap its buffer: ` +
        'new Uint8Array(view.buffer, view.byteOffset, view.byteLength)',
    );
  }
  return { encoding: Encoding.json, bytes: encoder.encode(stringify(value)) };
}

/** What {@link encodeValue} was given. `bytes` may be a view that is soon gone. */
export function decodeValue(encoding: number, bytes: Uint8Array, key: Key): unknown {
  switch (encoding) {
    case Encoding.bytes:
      return new Uint8Array(bytes);
    case Encoding.text:
      return decoder.decode(bytes);
    case Encoding.json:
      return parse(decoder.decode(bytes), key);
    default:
      throw new StoreError(
        'CORRUPT',
        `the value has encoding ${encoding}, which this version of henge does not know; upgrade it`,
        { key },
      );
  }
}

/** A context, or a token, as text. */
export function encodeContext(bytes: Uint8Array): Context {
  // One by one: a session's are more than a call takes arguments.
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary)
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The bytes of a context; none for `undefined`. */
export function decodeContext(context: Context | undefined): Uint8Array {
  return decodeText(context, 'context', 'getEntry() returned as `context`');
}

/** The bytes of what {@link encodeContext} has made; none for `undefined`. `name` and `origin` say what it must be. */
export function decodeText(text: string | undefined, name: string, origin: string): Uint8Array {
  if (text === undefined) return NOTHING;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    throw new TypeError(`${name} must be what ${origin}, not ${describe(text)}`);
  }
}

/** What `value` is, for a sentence. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'object' && value !== null) return `an object of class ${value.constructor?.name ?? 'null'}`;
  return typeof value === 'function' ? 'a function' : String(value);
}

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`the value cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) {
    throw new TypeError(
      `a value must be text, bytes or what JSON can write, not ${describe(value)}; delete() removes a key`,
    );
  }
  return text;
}

function parse(text: string, key: Key): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StoreError('CORRUPT', 'the value is marked as JSON but is not', { key, cause });
  }
}

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
// A byte order mark is part of the text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
