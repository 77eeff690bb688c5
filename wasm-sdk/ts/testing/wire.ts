/** The frames that a host makes itself: `docs/wire-protocol.md`. */
import { checksum } from './checksum.js';
import { Writer } from './postcard.js';
import { CLUSTER, PAIR_BYTES_MAX, PARTITIONS, type Member } from './settings.js';

/** The kinds of frames that a host looks at. */
export const FrameKind = { hello: 1, welcome: 2, request: 4, notice: 7, watch: 8 } as const;

/** What answers a client's hello. */
export function welcome({ id, name }: Member, replicas: number): Uint8Array {
  const body = new Writer().u8(VERSION).varint(CLUSTER).varint(id).text(name);
  return frame(FrameKind.welcome, body.varint(PARTITIONS).u8(replicas).varint(PAIR_BYTES_MAX).varint(FEATURES).taken());
}

/** What tells a client which buckets there are, besides `default`. */
export function bucketsNotice(names: readonly string[]): Uint8Array {
  const body = new Writer().varint(BUCKETS_NOTICE);
  let id = 0;
  return frame(FrameKind.notice, body.list(names, (name) => body.varint(++id).text(name)).taken());
}

/** The frames of one message, with their kinds; throws if it is not made of frames. */
export function* frames(message: Uint8Array): Generator<{ kind: number; frame: Uint8Array }> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  for (let at = 0; at < message.length; ) {
    const end = message.length < at + HEADER_BYTES ? Infinity : at + HEADER_BYTES + view.getUint32(at + 4, true);
    if (end > message.length || message[at] !== VERSION) throw new Error('what a client has sent is not made of frames');
    yield { kind: message[at + 1] as number, frame: message.subarray(at, end) };
    at = end;
  }
}

function frame(kind: number, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(whole.buffer);
  whole.set([VERSION, kind]);
  view.setUint32(4, body.length, true);
  whole.set(body, HEADER_BYTES);
  // The checksum is of all but itself.
  const summed = new Uint8Array(8 + body.length);
  summed.set(whole.subarray(0, 8));
  summed.set(body, 8);
  view.setBigUint64(8, checksum(summed), true);
  return whole;
}

const VERSION = 1;
const HEADER_BYTES = 16;
const BUCKETS_NOTICE = 1;
/** All that the guest serves: lists, watches and settled reads. */
const FEATURES = 1 | 2 | 4;
