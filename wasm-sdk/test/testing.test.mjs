/** `henge/testing` as tests of applications use it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect, open } from '../dist/index.js';
import { cluster } from '../dist/testing/index.js';

const run = promisify(execFile);
const QUICK = { timeoutMs: 1_000 };

describe('three nodes', { timeout: 120_000 }, () => {
  let ring;
  const closing = [];
  before(async () => (ring = await cluster()));
  after(() => ring.close());
  beforeEach(async () => {
    await Promise.all(closing.splice(0).map((store) => store.close()));
    await ring.heal();
    for (const node of [0, 1, 2]) await ring.start(node);
  });
  after(() => Promise.all(closing.map((store) => store.close())));

  /** A store that is connected to these nodes only. */
  async function at(...nodes) {
    const store = await connect(nodes.map((node) => ring.urls[node]), { WebSocket: ring.WebSocket });
    closing.push(store);
    return store;
  }

  test('what is put through one node is got through every other, at every level', async () => {
    const stores = await Promise.all([at(0), at(1), at(2)]);
    assert.deepEqual(stores.map(({ status }) => status.member), ['stone-1', 'stone-2', 'stone-3']);
    for (const level of ['one', 'quorum', 'all', 'local_quorum', 'each_quorum', 1, 2, 3]) {
      for (const [n, store] of stores.entries()) {
        await store.put('level', { level, n }, { w: level });
        for (const other of stores) assert.deepEqual(await other.get('level', { r: 'all' }), { level, n });
      }
    }
    await assert.rejects(stores[0].put('level', 1, { w: 4 }), { code: 'LEVEL' });
  });

  test('a quorum goes on without one node, all do not, and the node catches up', async () => {
    const store = await at(0, 1, 2);
    await store.put('outage', 'before', { w: 'all' });
    await ring.stop(0);
    assert.equal(store.status.state, 'offline');
    await store.put('outage', 'meanwhile');
    assert.equal(store.status.member, 'stone-2');
    await assert.rejects(store.put('outage/all', 1, { w: 'all', ...QUICK }), { retryable: true });
    await ring.start(0);
    await store.put('outage/all', 2, { w: 'all' });
    const back = await at(0);
    assert.equal(await back.get('outage'), 'meanwhile');
    await eventually(async () => assert.equal(await back.get('outage', { r: 'one' }), 'meanwhile'));
  });

  test('without a majority nothing is written, and the error says so', async () => {
    const store = await at(2);
    await Promise.all([ring.stop(0), ring.stop(1)]);
    await assert.rejects(store.put('minority', 1, QUICK), { code: 'UNAVAILABLE' });
    await assert.rejects(store.get('minority', QUICK), { code: 'UNAVAILABLE' });
  });

  test('what was acknowledged is there after all nodes were stopped at once, in the middle of writes', async () => {
    for (let round = 0; round < 5; round++) {
      const store = await at(0, 1, 2);
      const acknowledged = new Map();
      const writes = Array.from({ length: 300 }, async (_, n) => {
        await sleep(n / 20);
        await store.put(`power/${n}`, { round, n }, QUICK);
        acknowledged.set(`power/${n}`, { round, n });
      });
      const outcomes = Promise.allSettled(writes);
      while (acknowledged.size < 40 * (round + 1)) await sleep(1);
      await Promise.all([ring.stop(0), ring.stop(1), ring.stop(2)]);
      const early = [...acknowledged];
      await Promise.all([ring.start(0), ring.start(1), ring.start(2)]);
      await outcomes;
      const reader = await at(round % 3);
      for (const [key, value] of early) assert.deepEqual(await reader.get(key), value);
      for (const [key, value] of acknowledged) assert.deepEqual(await reader.get(key), value);
    }
  });

  test('a node that is cut off from the others serves no quorum, and has what they wrote when it is healed', async () => {
    const [alone, others] = await Promise.all([at(2), at(0, 1)]);
    await ring.cut(2, 0);
    await ring.cut(1, 2);
    await assert.rejects(alone.put('cut', 'minority', QUICK), { code: 'UNAVAILABLE' });
    await others.put('cut', 'majority');
    await ring.heal();
    assert.equal(await alone.get('cut'), 'majority');
    await alone.put('cut', 'healed', { w: 'all' });
  });

  test('a cut between two nodes is none between the others', async () => {
    const store = await at(2);
    await ring.cut(0, 1);
    await store.put('triangle', 'through the third', { w: 'all' });
    await assert.rejects((await at(0)).put('triangle', 1, { w: 'all', ...QUICK }), { retryable: true });
  });

  test('clients that are cut off wait, and go on when it is healed; nodes do not notice', async () => {
    const [store, other] = await Promise.all([at(0), at(1)]);
    await ring.cut(0, 'clients');
    assert.equal(store.status.state, 'offline');
    await other.put('clients', 'written meanwhile', { w: 'all' });
    const waiting = store.get('clients');
    await assert.rejects(connect(ring.urls[0], { WebSocket: ring.WebSocket, timeoutMs: 100 }), { code: 'OFFLINE' });
    await ring.heal();
    assert.equal(await waiting, 'written meanwhile');
  });

  test('a node that is cut off from everybody is as good as away, and keeps what it has', async () => {
    const store = await at(0, 1, 2);
    await store.put('island', 'before', { w: 'all' });
    await ring.cut(0);
    await store.put('island', 'after');
    assert.notEqual(store.status.member, 'stone-1');
    await ring.heal();
    assert.equal(await (await at(0)).get('island'), 'after');
  });

  test('a store of this device writes without the ring, and takes that to it later', async () => {
    const store = await open({ name: 'phone', urls: ring.urls, WebSocket: ring.WebSocket, storage: 'memory' });
    closing.push(store);
    for (const node of [0, 1, 2]) await ring.cut(node, 'clients');
    await store.put('note', 'written offline');
    assert.equal(await store.get('note'), 'written offline');
    assert.equal(store.pending, 1);
    await ring.heal();
    await store.flush();
    assert.equal(await (await at(1)).get('note'), 'written offline');
  });

  test('timers that a test puts in the place of the real ones do not stop the nodes', async () => {
    const store = await at(0);
    const real = { setTimeout, setImmediate, Date };
    try {
      globalThis.setTimeout = globalThis.setImmediate = () => 0;
      globalThis.Date = class extends Date {
        static now = () => 0;
      };
      await ring.stop(1);
      await store.put('time', 'goes on');
      await ring.start(1);
    } finally {
      Object.assign(globalThis, real);
    }
    assert.equal(await (await at(1)).get('time'), 'goes on');
  });

  test('a node that does not exist is named with those that do', async () => {
    for (const call of ['stop', 'start', 'cut']) await assert.rejects(ring[call](3), { name: 'TypeError', message: /from 0 to 2, not 3/ });
    await assert.rejects(ring.cut(0, 'client'), /from 0 to 2, not "client"/);
    await assert.rejects(ring.cut(1, 1), /node 1 has no link to itself/);
  });
});

test('buckets have their policy, levels and time to live', { timeout: 60_000 }, async () => {
  const ring = await cluster({ nodes: 2, replicas: 2, policy: 'siblings', buckets: { soon: { ttlMs: 300 }, last: { policy: 'lww', w: 1 } } });
  const at = (bucket, node) => open({ name: `${bucket}-${node}`, bucket, urls: ring.urls[node], WebSocket: ring.WebSocket, storage: 'memory' });
  const stores = {};
  for (const bucket of ['default', 'soon', 'last']) stores[bucket] = [await at(bucket, 0), await at(bucket, 1)];
  try {
    for (const [first, second] of Object.values(stores)) {
      await ring.cut(0, 1);
      const writes = [first.put('k', 'one'), second.put('k', 'two')];
      await Promise.all(writes);
      await ring.heal();
      await Promise.all([first.flush(), second.flush()]);
    }
    const values = async (bucket) => {
      const entry = await stores[bucket][0].getEntry('k', { from: 'ring', r: 'all' });
      return [entry?.value, ...(entry?.siblings ?? [])].sort();
    };
    assert.deepEqual(await values('default'), ['one', 'two']);
    assert.equal((await values('last')).length, 1);
    await sleep(400);
    assert.deepEqual(await values('soon'), [undefined]);
    await ring.stop(1);
    await assert.rejects(stores.default[0].put('w', 1, { durability: 'ring', signal: AbortSignal.timeout(500) }));
    await stores.last[0].put('w', 1, { durability: 'ring' });
  } finally {
    await Promise.all(Object.values(stores).flat().map((store) => store.close()));
    await ring.close();
  }
});

test('two clusters have the same addresses and nothing to do with each other', async () => {
  const rings = await Promise.all([cluster({ nodes: 1 }), cluster({ nodes: 1 })]);
  const [first, second] = await Promise.all(rings.map(({ urls, WebSocket }) => connect(urls, { WebSocket })));
  await first.put('k', 'of the first');
  assert.equal(await second.get('k'), undefined);
  await Promise.all([first, second].map((store) => store.close()));
  await Promise.all(rings.map((ring) => ring.close()));
});

test('options that cannot be are a TypeError that says what is allowed', async () => {
  const wrong = [
    [{ nodes: 0 }, /nodes must be a whole number from 1 to 9, not 0/],
    [{ replicas: 1.5 }, /replicas must be .*not 1.5/],
    [{ node: 3 }, /no option "node"; allowed are nodes/],
    [{ policy: 'newest' }, /policy must be one of lww, siblings/],
    [{ w: 'most' }, /w must be one of one, quorum/],
    [{ replicas: 2, buckets: { a: { r: 3 } } }, /r must be .* a number from 1 to 2, not 3/],
    [{ buckets: { default: {} } }, /bucket's name/],
    [{ buckets: { 'a b': {} } }, /bucket's name/],
    [{ buckets: { a: { ttl: 1 } } }, /bucket a has no option "ttl"/],
    [{ buckets: { a: { ttlMs: 0 } } }, /ttlMs must be/],
  ];
  for (const [options, message] of wrong) await assert.rejects(cluster(options), { name: 'TypeError', message });
});

test('a closed cluster starts nothing more, and a process that has closed all ends by itself', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', PROGRAM], { timeout: 20_000 });
  assert.equal(stdout, 'hello\nthis cluster is closed; make another one\nOFFLINE\n');
});

const PROGRAM = `
import { connect } from '${new URL('../dist/index.js', import.meta.url)}';
import { cluster } from '${new URL('../dist/testing/index.js', import.meta.url)}';
const ring = await cluster();
const store = await connect(ring.urls, { WebSocket: ring.WebSocket });
await store.put('k', 'hello');
console.log(await store.get('k'));
await ring.stop(1);
await ring.close();
await ring.close();
await ring.start(1).catch((error) => console.log(error.message));
console.log(store.status.error.code);
await store.close();
`;

/** Waits until `check` passes. */
async function eventually(check, limitMs = 10_000) {
  for (const end = Date.now() + limitMs; ; await sleep(20)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
