/** Many keys, lists, watches and sessions of a connected store, over nodes in memory. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect } from '../dist/index.js';
import { cluster } from '../dist/testing/index.js';

/** All nodes are in this process. */
const SLOW = { timeoutMs: 60_000 };

describe('three nodes', { timeout: 600_000 }, () => {
  let ring;
  const stores = [];
  before(async () => (ring = await cluster({ buckets: { notes: { policy: 'siblings', ttlMs: 60_000 } } })));
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await ring.close();
  });

  /** A store that is connected to one node. */
  async function at(node, options) {
    const store = await connect(ring.urls[node], { WebSocket: ring.WebSocket, ...options });
    stores.push(store);
    return store;
  }

  test('thousands of keys are a few messages', async () => {
    const sent = [];
    class Counting extends ring.WebSocket {
      send(data) {
        sent.push(data.byteLength);
        super.send(data);
      }
    }
    const store = await at(0, { WebSocket: Counting });
    const keys = Array.from({ length: 5_000 }, (_, n) => `few/${n}`);
    sent.length = 0;
    await store.putMany(keys.map((key, n) => [key, n]), SLOW);
    const puts = sent.length;
    assert.deepEqual(await store.getMany(keys, SLOW), keys.map((_, n) => n));
    console.log(`MEASURE 5,000 keys: ${puts} messages to put them, ${sent.length - puts} to get them`);
    // 4,096 are on the line at first; what is left goes as answers come.
    assert.ok(puts < 200 && sent.length - puts < 200, `${puts} and ${sent.length - puts} messages`);
  });

  test('many calls stop at the first that fails, and begin no more', async () => {
    const store = await at(0);
    let taken = 0;
    function* endless() {
      for (;;) yield [taken++ === 3 ? '' : `endless/${taken}`, 1];
    }
    await assert.rejects(store.putMany(endless()), { code: 'KEY_TOO_LARGE' });
    assert.ok(taken <= 4_097, String(taken));
  });

  test('values that are concurrent are listed, watched and handed to an update together', async () => {
    const store = await at(0, { bucket: 'notes' });
    const other = await at(1, { bucket: 'notes' });
    const told = [];
    const watch = (async () => {
      for await (const change of store.watch('n')) told.push(change);
    })();
    await until(() => told.length === 1);
    await store.put('n', 'one');
    await other.put('n', 'two');
    const [entry] = await store.list({ prefix: 'n' }).toArray();
    assert.deepEqual([entry.value, ...entry.siblings].sort(), ['one', 'two']);
    assert.deepEqual(entry, await store.getEntry('n'));
    await until(() => told.some(({ siblings }) => siblings?.length === 1));
    const merged = await other.update('n', (value, siblings) => [value, ...siblings].sort().join());
    assert.equal(merged, 'one,two');
    const after = await store.getEntry('n', { r: 'all' });
    assert.deepEqual([after.value, after.siblings], ['one,two', undefined]);
    await until(() => told.some(({ value }) => value === 'one,two'));
    await store.close();
    await assert.rejects(watch, { code: 'CLOSED' });
  });

  test('a bucket has keys of its own, in lists and watches too', async () => {
    const notes = await at(0, { bucket: 'notes' });
    const plain = await at(0);
    await notes.put('own/a', 'of notes');
    await plain.put('own/b', 'of default');
    assert.deepEqual((await notes.list({ prefix: 'own/' }).toArray()).map(({ key }) => key), ['own/a']);
    assert.deepEqual((await plain.list({ prefix: 'own/' }).toArray()).map(({ key }) => key), ['own/b']);
  });

  test('a reader that is too slow is told to read anew, and the watch goes on', async () => {
    const store = await at(0);
    const changes = store.watch({ prefix: 'slow/' })[Symbol.asyncIterator]();
    assert.equal((await changes.next()).value.type, 'synced');
    for (let round = 0; round < 3; round++) {
      await store.putMany(Array.from({ length: 4_000 }, (_, n) => [`slow/${round}/${n}`, n]), SLOW);
    }
    // All of them have come when this has, and nobody has taken one.
    const last = store.watch('slow/2/3999', { initial: true })[Symbol.asyncIterator]();
    assert.equal((await last.next()).value.value, 3_999);
    const types = new Map();
    let told = 0;
    for (let key; key !== 'slow/end'; told++) {
      const { value } = await changes.next();
      types.set(value.type, (types.get(value.type) ?? 0) + 1);
      if (value.type === 'resync') await store.put('slow/end', 1);
      key = value.key;
    }
    assert.equal(types.get('resync'), 1);
    assert.ok(told < 12_000, String(told));
    await changes.return();
    await last.return();
  });

  test('what a watch begins with and what it tells comes in order, under writes', async () => {
    const [store, other] = [await at(0), await at(1)];
    const keys = Array.from({ length: 40 }, (_, n) => `busy/${n}`);
    await other.putMany(keys.map((key) => [key, 0]));
    const writes = (async () => {
      for (let n = 1; n <= 60; n++) await other.putMany(keys.map((key) => [key, n]), SLOW);
    })();
    const [versions, values] = [new Map(), new Map()];
    let told = 0;
    for await (const change of store.watch({ prefix: 'busy/' }, { initial: true })) {
      if (change.type === 'set') {
        const before = versions.get(change.key) ?? '';
        assert.ok(change.version >= before, `${change.key} goes back from ${before} to ${change.version}`);
        versions.set(change.key, change.version);
        values.set(change.key, change.value);
        told += 1;
      }
      assert.notEqual(change.type, 'resync');
      if (keys.every((key) => values.get(key) === 60)) break;
    }
    await writes;
    assert.ok(told >= 80, String(told));
  });

  test('what changes while a watch begins comes before it says that all is there', async () => {
    const [store, other] = [await at(0), await at(1)];
    const keys = Array.from({ length: 4_000 }, (_, n) => `begin/${String(n).padStart(4, '0')}`);
    await other.putMany(keys.map((key) => [key, 'old']), SLOW);
    const values = new Map();
    for await (const { type, key, value } of store.watch({ prefix: 'begin/' }, { initial: true })) {
      if (type === 'synced') break;
      values.set(key, value);
      if (values.size > 1) continue;
      // Far behind what has been listed so far; the watch has been told when somebody else there has.
      const told = store.watch(keys.at(-1));
      for await (const { type } of told) {
        if (type === 'set') break;
        await other.put(keys.at(-1), 'new');
      }
    }
    assert.equal(values.size, keys.length);
    assert.equal(values.get(keys.at(-1)), 'new');
  });

  test('a token leaves out nothing that was not taken', async () => {
    const store = await at(0);
    const taken = new Set();
    const watch = store.watch({ prefix: 'token/' });
    for await (const { type, key } of watch) {
      if (type === 'synced') await store.putMany(Array.from({ length: 200 }, (_, n) => [`token/${n}`, n]));
      else taken.add(key);
      if (taken.size === 60) break;
    }
    const later = await at(1);
    for await (const { type, key } of later.watch({ prefix: 'token/' }, { token: watch.token })) {
      assert.notEqual(type, 'resync');
      if (key) taken.add(key);
      if (taken.size === 200) break;
    }
  });

  test('a session is text, and what is none is refused', async () => {
    const store = await at(0);
    await store.put('session', 1);
    assert.match(store.sessionToken(), /^[\w-]+$/);
    await assert.rejects(at(0, { session: 'bm9uZQ' }), { code: 'PROTOCOL' });
    await assert.rejects(at(0, { session: '~' }), TypeError);
  });

  test('a large session fits into a token', async () => {
    const store = await at(0);
    const keys = Array.from({ length: 5_000 }, (_, n) => `large/${n}`);
    await store.putMany(keys.map((key) => [key, 1]), SLOW);
    const session = store.sessionToken();
    console.log(`MEASURE session token of 4,096 keys: ${session.length} characters`);
    const other = await at(2, { session, r: 1 });
    assert.deepEqual(await other.getMany(keys.slice(1_000), SLOW), keys.slice(1_000).map(() => 1));
  });
});

/** Waits until something is so. */
async function until(isSo) {
  for (const end = performance.now() + 20_000; !(await isSo()); ) {
    if (performance.now() > end) throw new Error(`not within 20 s: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
