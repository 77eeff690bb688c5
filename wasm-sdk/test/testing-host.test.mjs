/** The host of `henge/testing`: files, frames and the guest's memory. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { connect } from '../dist/index.js';
import { input, outputs } from '../dist/testing/abi.js';
import { checksum } from '../dist/testing/checksum.js';
import { Files } from '../dist/testing/files.js';
import { Guest } from '../dist/testing/guest.js';
import { guestModule } from '../dist/testing/guest-module.js';
import { cluster } from '../dist/testing/index.js';
import { Reader, Writer } from '../dist/testing/postcard.js';
import { encodeConfig } from '../dist/testing/settings.js';
import { bucketsNotice, frames, welcome } from '../dist/testing/wire.js';

const run = promisify(execFile);
const built = (file) => new URL(`../dist/testing/${file}`, import.meta.url).href;

/** The checksum in a frame's header, and that of the rest. */
function sums(frame) {
  const rest = new Uint8Array([...frame.subarray(0, 8), ...frame.subarray(16)]);
  return [new DataView(frame.buffer, frame.byteOffset).getBigUint64(8, true), checksum(rest)];
}

test('checksums are those of the golden frames', async () => {
  const golden = await readFile(new URL('../../core/tests/fixtures/wire-v1.txt', import.meta.url), 'utf8');
  const lines = golden.trim().split('\n');
  assert.ok(lines.length > 20);
  for (const line of lines) {
    const [stored, computed] = sums(Uint8Array.from(Buffer.from(line.split(' ').at(-1), 'hex')));
    assert.equal(computed, stored, line);
  }
});

test('checksums are those of the frames that nodes send, whatever their length', async () => {
  const ring = await cluster({ nodes: 1 });
  const lengths = new Set();
  class Watched extends ring.WebSocket {
    deliver(message) {
      for (const { frame } of frames(message)) {
        const [stored, computed] = sums(frame);
        assert.equal(computed, stored, `${frame.length} bytes`);
        lengths.add(frame.length);
      }
      super.deliver(message);
    }
  }
  const store = await connect(ring.urls, { WebSocket: Watched });
  for (let length = 0; length < 2_200; length += length < 300 ? 1 : 7) {
    await store.put('k', 'v'.repeat(length));
    await store.get('k');
  }
  await store.close();
  await ring.close();
  for (const length of [32, 129, 256, 1_032, 1_033, 2_000]) assert.ok([...lengths].some((it) => Math.abs(it - length) < 8), `about ${length}`);
});

test('what a host says itself is what the golden frames say', () => {
  const notice = bucketsNotice(['notes', 'x'.repeat(64)]);
  const [stored, computed] = sums(notice);
  assert.equal(computed, stored);
  const reader = new Reader(notice.subarray(16));
  assert.deepEqual([reader.number(), reader.list(() => [reader.number(), reader.text()])], [1, [[1, 'notes'], [2, 'x'.repeat(64)]]]);
  assert.deepEqual([...frames(welcome({ id: 7n, name: 'stone-1' }, 3))].map(({ kind }) => kind), [2]);
});

test('a message that is not made of frames is refused', () => {
  const whole = welcome({ id: 7n, name: 'stone-1' }, 3);
  assert.equal([...frames(new Uint8Array([...whole, ...whole]))].length, 2);
  for (const wrong of [whole.subarray(1), whole.subarray(0, 15), whole.subarray(0, whole.length - 1), new Uint8Array(1)]) {
    assert.throws(() => [...frames(wrong)], /not made of frames/);
  }
});

test('numbers of every width are written as they are read', () => {
  const numbers = [0, 127, 128, 300, 2 ** 32, 2 ** 53 - 1, 2n ** 63n, 2n ** 64n - 1n];
  const writer = new Writer();
  for (const number of numbers) writer.varint(number);
  const reader = new Reader(writer.text('é'.repeat(300)).u8(9).taken());
  for (const number of numbers) assert.equal(reader.big(), BigInt(number));
  assert.equal(reader.text(), 'é'.repeat(300));
  assert.equal(reader.u8(), 9);
  assert.ok(reader.isAtEnd);
  assert.throws(() => reader.u8(), /ends too early/);
  assert.throws(() => new Reader(Uint8Array.of(200, 1)).bytes(), /ends too early/);
});

test('what was not synced is gone after a crash, and what was replaced or cut is not', () => {
  const files = new Files();
  const [log, table, manifest] = [0, 1, 2].map((kind) => ({ kind, number: 1n }));
  const append = (file, offset, text) => files.execute({ kind: 'append', file, offset, bytes: Buffer.from(text) });
  const read = (file, offset = 0, length = 100) => Buffer.from(files.execute({ kind: 'read', file, offset, length }).bytes).toString();
  append(log, 0, 'kept');
  files.execute({ kind: 'sync', file: log });
  append(log, 4, ' lost');
  append(table, 0, 'never synced');
  files.execute({ kind: 'replace', file: manifest, bytes: Buffer.from('whole') });
  assert.equal(read(log), 'kept lost');
  assert.equal(read(log, 5, 2), 'lo');
  files.crash();
  assert.deepEqual(files.list().map(({ name, length }) => [name.kind, length]), [[0, 4], [2, 5]]);
  assert.equal(read(log), 'kept');
  assert.match(append(log, 9, 'x').fault, /log-1 is 4 bytes long, not 9/);
  files.execute({ kind: 'truncate', file: log, length: 2 });
  append(log, 2, 'pt again');
  files.crash();
  assert.equal(read(log), 'ke');
  assert.match(files.execute({ kind: 'truncate', file: log, length: 3 }).fault, /cannot be cut to 3/);
  files.execute({ kind: 'delete', file: log });
  assert.match(files.execute({ kind: 'sync', file: log }).fault, /no log-1/);
  assert.deepEqual(files.execute({ kind: 'delete', file: log }), {});
});

test('files come to 256 MiB at most, and what is removed makes room', () => {
  const files = new Files();
  const [first, second] = [1n, 2n].map((number) => ({ kind: 0, number }));
  const bytes = new Uint8Array(200 * 1_024 * 1_024);
  assert.deepEqual(files.execute({ kind: 'replace', file: first, bytes }), {});
  assert.deepEqual(files.execute({ kind: 'replace', file: first, bytes }), {});
  assert.deepEqual(files.execute({ kind: 'append', file: second, offset: 0, bytes }), { fault: 'full' });
  assert.deepEqual(files.execute({ kind: 'replace', file: second, bytes }), { fault: 'full' });
  files.execute({ kind: 'delete', file: first });
  assert.deepEqual(files.execute({ kind: 'replace', file: second, bytes }), {});
});

const SETTINGS = { members: [{ id: 1n, name: 'stone-1' }], replicas: 1, defaults: { policy: 'lww', r: 'one', w: 'one' } };

test('a guest says why it takes no settings, and what it had to say when it failed', async () => {
  const module = await guestModule();
  await assert.rejects(Guest.make(module, encodeConfig({ ...SETTINGS, replicas: 0 }, 1n), 1n, 1n), /0 replicas; allowed are 1 to 16/);
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await assert.rejects(Guest.make(empty, encodeConfig(SETTINGS, 1n), 1n, 1n), /none of ABI 1/);
  const guest = await Guest.make(module, encodeConfig(SETTINGS, 1n), 1n, 1n);
  const first = guest.step(input.opened([]), 2n);
  assert.deepEqual([...outputs(first.subarray(8))].map(({ kind }) => kind).slice(0, 1), ['storage']);
  assert.throws(() => guest.step(Uint8Array.of(99), 3n), /the node has failed: panicked .*\n.*BatchError/);
  assert.throws(() => [...outputs(Uint8Array.of(99))], /not asked for/);
});

test('a node that fails ends the run of tests, and says that it is a mistake of Henge', async () => {
  const program = `
    import { guestModule } from '${built('guest-module.js')}';
    import { Network } from '${built('network.js')}';
    const settings = { members: [{ id: 1n, name: 'stone-1' }], replicas: 1, defaults: { policy: 'lww', r: 'one', w: 'one' } };
    const { nodes } = new Network(settings);
    await nodes[0].start(await guestModule());
    nodes[0].wish('no name', settings.defaults);`;
  const ended = run(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  await assert.rejects(ended, { code: 1, stderr: /stone-1: the node has failed: panicked [^]*please report this/ });
});
