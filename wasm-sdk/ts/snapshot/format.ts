/** The bytes of a snapshot: `docs/snapshot.md` is the normative page. */
import { StoreError } from '../errors.js';

/** A key as a snapshot has it. */
export interface Entry {
  readonly key: Uint8Array;
  readonly encoding: number;
  readonly value: Uint8Array;
  /** When the value ends, in milliseconds since the Unix epoch; 0 if it does not. */
  readonly expiresAtMs: number;
}

/** What a snapshot begins with. */
export function header(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = VERSION;
  return bytes;
}

/** Throws if a snapshot that this build can read does not begin so. */
export function checkHeader(bytes: Uint8Array): void {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) throw corrupt('these bytes are no snapshot of Henge; hand in what snapshot() has made');
  const version = bytes[MAGIC.length];
  if (version === VERSION) return;
  throw new StoreError('UNSUPPORTED', `the snapshot has format version ${version}, and this build of henge reads ${VERSION}; upgrade it`);
}

/** Some entries, behind `before` others, as a block. Without any it is the last. */
export function block(entries: readonly Entry[], before: number): Uint8Array<ArrayBuffer> {
  const length = entries.reduce((sum, entry) => sum + entryBytes(entry), COUNT_BYTES);
  const bytes = new Uint8Array(HEAD_BYTES + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setFloat64(HEAD_BYTES, before, true);
  let at = HEAD_BYTES + COUNT_BYTES;
  for (const { key, encoding, value, expiresAtMs } of entries) {
    view.setUint16(at, key.length, true);
    view.setUint8(at + 2, encoding);
    view.setUint32(at + 3, value.length, true);
    view.setFloat64(at + 7, expiresAtMs, true);
    bytes.set(key, at + ENTRY_HEAD_BYTES);
    bytes.set(value, at + ENTRY_HEAD_BYTES + key.length);
    at += ENTRY_HEAD_BYTES + key.length + value.length;
  }
  view.setUint32(4, checksum(bytes.subarray(HEAD_BYTES)), true);
  return bytes;
}

/** How long the body of the block with this head is. */
export function bodyBytes(head: Uint8Array): number {
  const length = viewOf(head).getUint32(0, true);
  if (length < COUNT_BYTES || length > BODY_BYTES_MAX) throw corrupt(`a block of it is said to have ${length} bytes; it is damaged`);
  return length;
}

/** The entries of a block; none in the last. Throws if it is not as it was written, or not the one behind `before` entries. */
export function entriesOf(head: Uint8Array, body: Uint8Array, before: number): Entry[] {
  const view = viewOf(body);
  if (viewOf(head).getUint32(4, true) !== checksum(body)) throw corrupt(`the block behind ${before} entries is damaged: its checksum is wrong`);
  const count = view.getFloat64(0, true);
  if (count !== before) throw corrupt(`a block that follows on ${count} entries follows on ${before}: some are missing or there twice`);
  const entries: Entry[] = [];
  let at = COUNT_BYTES;
  while (at < body.length) {
    const end = at + ENTRY_HEAD_BYTES;
    const keyEnd = end <= body.length ? end + view.getUint16(at, true) : Infinity;
    const valueEnd = end <= body.length ? keyEnd + view.getUint32(at + 3, true) : Infinity;
    if (valueEnd > body.length) throw corrupt(`an entry behind ${before} others is longer than its block`);
    entries.push({
      key: body.slice(end, keyEnd),
      encoding: view.getUint8(at + 2),
      value: body.slice(keyEnd, valueEnd),
      expiresAtMs: view.getFloat64(at + 7, true),
    });
    at = valueEnd;
  }
  return entries;
}

/** Bytes of an entry in a block. */
export function entryBytes({ key, value }: Entry): number {
  return ENTRY_HEAD_BYTES + key.length + value.length;
}

/** An error that says what is wrong with a snapshot. */
export function corrupt(message: string): StoreError {
  return new StoreError('CORRUPT', message);
}

/** CRC-32 as zlib has it: of all checksums the one that is fast in JavaScript and at hand in other languages. */
function checksum(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 255] as number);
  return ~crc >>> 0;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  return crc;
});

/** `henge.sn` as ASCII. */
const MAGIC = [0x68, 0x65, 0x6e, 0x67, 0x65, 0x2e, 0x73, 0x6e];
const VERSION = 1;
/** What a snapshot begins with: the magic and the version. */
export const HEADER_BYTES = MAGIC.length + 1;
/** In front of each block: length and checksum of its body. */
export const HEAD_BYTES = 8;
/** In front of the entries of a block: how many there are before it. */
const COUNT_BYTES = 8;
/** In front of each entry: lengths, encoding, end. */
const ENTRY_HEAD_BYTES = 15;
/** A block is closed when it has so many bytes. */
export const BLOCK_BYTES = 65_536;
/** What no block can exceed: one that is nearly full, and the largest entry. */
const BODY_BYTES_MAX = BLOCK_BYTES + 1_024 + 1_048_576 + 64;
