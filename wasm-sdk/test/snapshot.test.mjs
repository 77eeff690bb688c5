import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../dist/errors.js';
import { restore, snapshot } from '../dist/snapshot/index.js';

const bytesOf = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
const streamOf = (bytes, piece = bytes.length) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += piece) controller.enqueue(bytes.slice(at, at + piece));
      controller.close();
    },
  });
const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** The part of a store that is used. */
function fake(entries = []) {
  const values = new Map(entries.map(([key, value, expiresAt]) => [String(key), { key, value, expiresAt }]));
  let refusals = 0;
  return {
    values,
    writes: [],
    refuse: (times) => (refusals = times),
    async *list() {
      yield* values.values();
    },
    has: async (key) => values.has(String(key)),
    async put(key, value, { ttlMs }) {
      if (refusals > 0) {
        refusals -= 1;
        throw new StoreError('RATE_LIMITED', 'too much', { retryable: true });
      }
      this.writes.push([key, ttlMs]);
      values.set(String(key), { key, value });
    },
  };
}

const SOME = [
  ['a', 'text'],
  ['b', new Uint8Array([0, 255])],
  ['c', { json: [1, null] }],
  [new Uint8Array([0xff, 0]), ''],
];

/** Version 1, byte for byte: these stay for ever. */
const GOLDEN =
  '68656e67652e736e01' + // henge.sn, version 1
  '33000000ac3db082' + // 51 bytes and their checksum
  '0000000000000000' + // behind no others
  '01000104000000000000000000000061' + '74657874' + // a, text, no end
  '010002070000000000c01e66d98d4262' + '7b226e223a317d' + // b, JSON, ends in 2100
  '08000000f99efe13' + '0000000000000040';

test('what was written is read back, in whatever pieces it comes', async () => {
  const bytes = await bytesOf(snapshot(fake(SOME)));
  for (const piece of [1, 7, 100_000]) {
    const target = fake();
    assert.deepEqual(await restore(target, streamOf(bytes, piece)), { written: 4, kept: 0, expired: 0 });
    assert.deepEqual([...target.values.values()].map(({ key, value }) => [key, value]), SOME);
  }
});

test('a snapshot of an empty store is one, and restores nothing', async () => {
  const bytes = await bytesOf(snapshot(fake()));
  assert.deepEqual(await restore(fake(), streamOf(bytes)), { written: 0, kept: 0, expired: 0 });
});

test('many keys make many blocks, and are told of while they are written', async () => {
  const many = Array.from({ length: 3_000 }, (_, n) => [`k${n}`, 'x'.repeat(n % 300)]);
  const stream = snapshot(fake(many));
  const chunks = await collect(stream);
  assert.ok(chunks.length > 6 && chunks.every((chunk) => chunk.length < 70_000), `${chunks.length} blocks`);
  const target = fake();
  const told = [];
  const bytes = new Uint8Array(Buffer.concat(chunks));
  await restore(target, streamOf(bytes), { onProgress: ({ written }) => told.push(written) });
  assert.equal(target.values.size, 3_000);
  assert.ok(told.length > 10 && told.at(-1) === 3_000);
});

test('it reads no faster than it is read', async () => {
  let listed = 0;
  const source = {
    async *list() {
      for (; listed < 100_000; listed++) yield { key: `k${listed}`, value: 'x'.repeat(100) };
    },
  };
  const reader = snapshot(source).getReader();
  for (let n = 0; n < 3; n++) await reader.read();
  assert.ok(listed < 3_000, `${listed} keys for two blocks`);
  await reader.cancel();
});

test('values end when they would have ended', async () => {
  const now = Date.now();
  const bytes = await bytesOf(
    snapshot(fake([['lives', 1, new Date(now + 60_000)], ['ended', 2, new Date(now - 1)], ['stays', 3]])),
  );
  const target = fake();
  assert.deepEqual(await restore(target, streamOf(bytes)), { written: 2, kept: 0, expired: 1 });
  const [[key, ttlMs], [other, none]] = target.writes;
  assert.deepEqual([key, other, none], ['lives', 'stays', undefined]);
  assert.ok(ttlMs > 50_000 && ttlMs <= 60_000);
});

test('keys that have a value are replaced, or stay', async () => {
  const bytes = await bytesOf(snapshot(fake([['a', 'old'], ['b', 'old']])));
  const replaced = fake([['a', 'new']]);
  await restore(replaced, streamOf(bytes));
  assert.equal(replaced.values.get('a').value, 'old');
  const kept = fake([['a', 'new']]);
  assert.deepEqual(await restore(kept, streamOf(bytes), { existing: 'keep' }), { written: 1, kept: 1, expired: 0 });
  assert.equal(kept.values.get('a').value, 'new');
});

test('what a device without a connection does not have is no value that stays', async () => {
  const bytes = await bytesOf(snapshot(fake([['a', 'old']])));
  const has = async () => {
    throw new StoreError('UNAVAILABLE', 'not here', { retryable: true });
  };
  const device = { ...fake(), storage: { kind: 'memory' }, has };
  assert.equal((await restore(device, streamOf(bytes), { existing: 'keep' })).written, 1);
  const error = await restore({ ...fake(), has }, streamOf(bytes), { existing: 'keep' }).catch((it) => it);
  assert.equal(error.code, 'UNAVAILABLE', 'a ring that cannot be asked may have one');
});

test('a store that has too much to do is waited for', async () => {
  const bytes = await bytesOf(snapshot(fake(SOME)));
  const target = fake();
  target.refuse(6);
  assert.equal((await restore(target, streamOf(bytes))).written, 4);
});

test('whatever is cut off, flipped, missing or behind the end is said, and nothing of a damaged block is written', async () => {
  const bytes = await bytesOf(snapshot(fake(SOME)));
  for (let length = 0; length < bytes.length; length++) {
    const error = await restore(fake(), streamOf(bytes.slice(0, length))).then(() => undefined, (it) => it);
    assert.equal(error?.code, 'CORRUPT', `${length} bytes`);
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bad = bytes.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    const target = fake();
    const error = await restore(target, streamOf(bad)).then(() => undefined, (it) => it);
    assert.ok(['CORRUPT', 'UNSUPPORTED'].includes(error?.code), `bit ${bit}: ${error}`);
    assert.ok(target.writes.length === 0 || target.writes.length === 4);
  }
  const behind = await restore(fake(), streamOf(Buffer.concat([bytes, Buffer.from([0])]))).catch((it) => it);
  assert.match(behind.message, /behind the end/);
  const twoBlocks = await collect(snapshot(fake(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 'x'.repeat(100)]))));
  const missing = Buffer.concat(twoBlocks.filter((_, at) => at !== 1));
  assert.match((await restore(fake(), streamOf(new Uint8Array(missing))).catch((it) => it)).message, /missing or there twice/);
});

test('what is no snapshot, and one of a later version, are refused by name', async () => {
  const wrong = await restore(fake(), streamOf(new TextEncoder().encode('{"a":1} or anything'))).catch((it) => it);
  assert.match(wrong.message, /no snapshot of Henge/);
  const bytes = await bytesOf(snapshot(fake()));
  bytes[8] = 2;
  const later = await restore(fake(), streamOf(bytes)).catch((it) => it);
  assert.deepEqual([later.code, /upgrade/.test(later.message)], ['UNSUPPORTED', true]);
  await assert.rejects(restore(fake(), bytes), TypeError);
  assert.throws(() => snapshot(fake(), { prefx: 'a' }), TypeError);
});

test('the bytes of version 1 stay as they are', async () => {
  const made = hex(await bytesOf(snapshot(fake([['a', 'text'], ['b', { n: 1 }, new Date(4_102_444_800_000)]]))));
  assert.equal(made, GOLDEN);
  const target = fake();
  await restore(target, streamOf(Buffer.from(GOLDEN, 'hex')));
  assert.deepEqual([...target.values.values()].map(({ key, value }) => [key, value]), [['a', 'text'], ['b', { n: 1 }]]);
});

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
