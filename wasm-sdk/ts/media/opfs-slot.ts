/**
 * The bytes of a slot: its number in the order of replacements, how many bytes follow (both 8 bytes,
 * little-endian), the SHA-256 of all of it but itself, and the bytes.
 */

/** Bytes in front of what a slot holds. */
export const SLOT_HEAD_BYTES = 48;

/** What to write into a slot. */
export async function slotBytes(sequence: number, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(SLOT_HEAD_BYTES + bytes.length);
  const head = new DataView(whole.buffer);
  head.setBigUint64(0, BigInt(sequence), true);
  head.setBigUint64(8, BigInt(bytes.length), true);
  whole.set(bytes, SLOT_HEAD_BYTES);
  whole.set(await checksum(whole), CHECKSUM_AT);
  return whole;
}

/** What a slot says, if it was written to its end. */
export async function readSlot(whole: Uint8Array<ArrayBuffer>): Promise<{ sequence: number; length: number } | undefined> {
  if (whole.length < SLOT_HEAD_BYTES) return undefined;
  const head = new DataView(whole.buffer, whole.byteOffset);
  const length = Number(head.getBigUint64(8, true));
  if (SLOT_HEAD_BYTES + length > whole.length) return undefined;
  const said = whole.slice(CHECKSUM_AT, SLOT_HEAD_BYTES);
  const counted = await checksum(whole.slice(0, SLOT_HEAD_BYTES + length));
  if (counted.some((byte, at) => byte !== said[at])) return undefined;
  return { sequence: Number(head.getBigUint64(0, true)), length };
}

/** Of `whole`, which it changes: the place of the checksum counts as zeros. */
async function checksum(whole: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  whole.fill(0, CHECKSUM_AT, SLOT_HEAD_BYTES);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
}

const CHECKSUM_AT = 16;
