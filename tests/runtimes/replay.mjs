/**
 * Gives the guest in V8 what a node was given before, and keeps what it answers:
 *
 *     node replay.mjs GUEST TRACE OUTPUTS
 *
 * GUEST is the guest's module, TRACE a file of `henge_tests::trace::Trace::to_file`. OUTPUTS is
 * written: each output batch behind its length (4 bytes, little-endian).
 */

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

import { Guest } from '../../wasm-sdk/dist/testing/guest.js';

const [guestPath, tracePath, outputsPath] = process.argv.slice(2);
const [module, trace] = [new WebAssembly.Module(readFileSync(guestPath)), readFileSync(tracePath)];

let at = 0;
const word = () => trace.readBigInt64LE((at += 8) - 8);
const bytes = () => {
  const length = trace.readUInt32LE(at);
  at += 4 + length;
  return trace.subarray(at - length, at);
};

const config = bytes();
const [seed, began] = [word(), word()];
const guest = await Guest.make(module, config, seed, began);

const file = openSync(outputsPath, 'w');
const head = new Uint8Array(4);
while (at < trace.length) {
  const now = word();
  const outputs = guest.step(bytes(), now);
  new DataView(head.buffer).setUint32(0, outputs.length, true);
  writeSync(file, head);
  writeSync(file, outputs);
}
closeSync(file);
