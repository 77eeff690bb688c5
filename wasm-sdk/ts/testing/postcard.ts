/**
 * The encoding of all messages (https://postcard.jamesmunns.com/wire-format): numbers as varints, texts and
 * bytes behind their length, an enum as the number of its variant.
 */

/** Writes values one behind the other. */
export class Writer {
  #bytes = new Uint8Array(ROOM_BYTES);
  #length = 0;

  /** Everything that was written. */
  taken(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): this {
    this.#room(1)[this.#length++] = value;
    return this;
  }

  /** A number of any width that is not u8; `number` up to 2^53. */
  varint(value: number | bigint): this {
    const into = this.#room(VARINT_BYTES_MAX);
    let rest = BigInt(value);
    for (; rest > 0x7fn; rest >>= 7n) into[this.#length++] = Number(rest & 0x7fn) | 0x80;
    into[this.#length++] = Number(rest);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.varint(value.length);
    this.#room(value.length).set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** A value that may be missing. */
  option<T>(value: T | undefined, write: (value: T) => void): this {
    this.u8(value === undefined ? 0 : 1);
    if (value !== undefined) write(value);
    return this;
  }

  /** A list. */
  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.varint(values.length);
    values.forEach(write);
    return this;
  }

  #room(bytes: number): Uint8Array {
    const needed = this.#length + bytes;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Reads values one behind the other; throws where the bytes end too early. */
export class Reader {
  #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('a message ends too early');
    return byte;
  }

  /** A number that may need 64 bits. */
  big(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** A number up to 2^53; also the variant of an enum. */
  number(): number {
    return Number(this.big());
  }

  /** A view, good for as long as what is read. */
  bytes(): Uint8Array {
    const length = this.number();
    if (length > this.#bytes.length - this.#at) throw new Error('a message ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  option<T>(read: () => T): T | undefined {
    return this.u8() === 0 ? undefined : read();
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.number() }, read);
  }
}

const ROOM_BYTES = 256;
const VARINT_BYTES_MAX = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
