/**
 * Gives the guest in V8 what a node was given before, and keeps what it answers:
 *
 *     node replay.mjs GUEST TRACE OUTPUTS
 *
 * GUEST is the guest's module, TRACE a file of `henge_tests::trace::Trace::to_file`. OUTPUTS is
 * written: each output batch behind its length (4 bytes, little-endian). The ABI is that of
 * `docs/guest-abi.md`.
 */

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

const [guestPath, tracePath, outputsPath] = process.argv.slice(2);
const [guest, trace] = [readFileSync(guestPath), readFileSync(tracePath)];
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(guest), {});

let at = 0;
const word = () => trace.readBigInt64LE((at += 8) - 8);
const bytes = () => {
  const length = trace.readUInt32LE(at);
  at += 4 + length;
  return trace.subarray(at - length, at);
};

/** Hands `input` over by `call`, and copies what it returns. */
function hand(input, call) {
  const address = exports.henge_buffer(input.length) >>> 0;
  new Uint8Array(exports.memory.buffer).set(input, address);
  const packed = BigInt.asUintN(64, call(input.length));
  const [start, length] = [Number(packed >> 32n), Number(packed & 0xffff_ffffn)];
  return new Uint8Array(exports.memory.buffer, start, length);
}

const config = bytes();
const [seed, began] = [word(), word()];
const refusal = hand(config, (length) => exports.henge_init(length, seed, began));
if (refusal.length > 0) throw new Error(Buffer.from(refusal).toString());

const file = openSync(outputsPath, 'w');
const head = new Uint8Array(4);
while (at < trace.length) {
  const now = word();
  const outputs = hand(bytes(), (length) => exports.henge_step(length, now));
  new DataView(head.buffer).setUint32(0, outputs.length, true);
  writeSync(file, head);
  writeSync(file, outputs);
}
closeSync(file);
