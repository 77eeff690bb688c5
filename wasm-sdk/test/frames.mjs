/**
 * What a server says, byte for byte (`docs/wire-protocol.md`). Answers are to call 1 of a connection. If these
 * stop being understood, so do the servers that are out there.
 */

export const welcome = frame('010200001100000012b3fdc73611e92d0107010773746f6e652d31800203805003');
export const refusal = frame('0103000018000000762ed63855c8ae3b09167570677261646520746865206f6c6465722073696465');
export const written = frame('010500000f000000f7d5077f594e058d0100018f0309070000000000000000');
export const absent = frame('0105000004000000eeafb4b5d83f15ae01000200');
/** The text "héllo". */
export const text = frame('010500001800000084eceda931eec269010000010668c3a96c6c6f8f030009070000000000000000');
/** The JSON {"a":1}, with the bytes 1 and 2 and the text "two" beside it. */
export const siblings = frame(
  '0105000022000000cb62941af81e5ee401000002077b2261223a317d8f030200020102010374776f09070000000000000000',
);
/** A value of encoding 9. */
export const unknownEncoding = frame('010500001300000006a05a63dea5f32c01000009013f8f030009070000000000000000');
/** CORRUPT: "block 7 is damaged". */
export const corrupt = frame('0105000016000000298bc5cdfec379f801010a12626c6f636b20372069732064616d61676564');

/** How many frames a message that was sent holds. */
export function count(message) {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let frames = 0;
  for (let at = 0; at < message.length; at += HEADER_BYTES + view.getUint32(at + 4, true)) frames += 1;
  return frames;
}

function frame(hex) {
  return Uint8Array.from(hex.match(/../g), (byte) => Number.parseInt(byte, 16)).buffer;
}

const HEADER_BYTES = 16;
