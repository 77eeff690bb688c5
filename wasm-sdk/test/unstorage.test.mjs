/** `henge/unstorage` under unstorage itself. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import { connect, open } from '../dist/index.js';
import hengeDriver from '../dist/adapters/unstorage.js';
import { cluster } from '../dist/testing/index.js';
import { eventually } from './eventually.mjs';

let ring;
let number = 0;

before(async () => (ring = await cluster({ nodes: 3 })));
after(() => ring.close());

async function openStore() {
  const it = await open({ name: `unstorage-${number++}`, urls: ring.urls, WebSocket: ring.WebSocket, storage: 'memory' });
  // Only the ring can say that there is no such key.
  await eventually(() => assert.equal(it.status.state, 'connected'));
  return it;
}

const connectStore = () => connect(ring.urls, { WebSocket: ring.WebSocket });

for (const [kind, make] of Object.entries({ 'open()': openStore, 'connect()': connectStore })) {
  describe(kind, () => {
    let store;
    let storage;
    let base;

    beforeEach(async () => {
      base = `app${number++}`;
      store = await make();
      storage = createStorage({ driver: hengeDriver({ store, base }) });
    });
    afterEach(() => storage.dispose());

    test('items of all kinds read back as unstorage has them', async () => {
      for (const value of ['text', '', 7, true, null, { a: [1, 2] }, ['x']]) {
        await storage.setItem('s1:a', value);
        assert.deepEqual(await storage.getItem('s1:a'), value);
        assert.equal(await storage.hasItem('s1:a'), true);
      }
      assert.equal(await storage.getItem('s1:none'), null);
      assert.equal(await storage.hasItem('s1:none'), false);
      await storage.setItem('s1:a', undefined);
      assert.equal(await storage.hasItem('s1:a'), false);
      await storage.removeItem('s1:a');
      assert.equal(await storage.getItem('s1:a'), null);
    });

    test('the store has the keys below the base, as text', async () => {
      await storage.setItem('users/7', { name: 'Ada' });
      assert.equal(await store.get(`${base}:users:7`), '{"name":"Ada"}');
    });

    test('raw items are bytes or anything that a store takes', async () => {
      const bytes = new Uint8Array([1, 2, 255]);
      for (const raw of [bytes, bytes.buffer, new DataView(bytes.buffer), Buffer.from(bytes)]) {
        await storage.setItemRaw('raw', raw);
        assert.deepEqual(await storage.getItemRaw('raw'), bytes);
      }
      await storage.setItemRaw('raw', { a: 1 });
      assert.deepEqual(await storage.getItemRaw('raw'), { a: 1 });
      assert.equal(await storage.getItemRaw('none'), null);
    });

    test('many items are set and read at once, in their order', async () => {
      await storage.setItems([{ key: 'a', value: 'A' }, { key: 'b', value: { n: 2 } }]);
      const items = await storage.getItems(['b', 'none', 'a']);
      assert.deepEqual(items, [{ key: 'b', value: { n: 2 } }, { key: 'none', value: null }, { key: 'a', value: 'A' }]);
    });

    test('keys are listed below a base and to a depth, and cleared there only', async () => {
      for (const key of ['a:1', 'a:b:2', 'ab:3', 'c']) await storage.setItem(key, key);
      await store.put(`${base}x`, 'of another');
      assert.deepEqual(await storage.getKeys(), ['a:1', 'a:b:2', 'ab:3', 'c']);
      assert.deepEqual(await storage.getKeys('a'), ['a:1', 'a:b:2']);
      assert.deepEqual(await storage.getKeys('a', { maxDepth: 1 }), ['a:1']);
      await storage.getMount().driver.clear('a:');
      assert.deepEqual(await storage.getKeys(), ['ab:3', 'c']);
      await storage.clear();
      assert.deepEqual(await storage.getKeys(), []);
      assert.equal(await store.get(`${base}x`), 'of another');
    });

    test('more keys than are deleted at once are cleared', async () => {
      await storage.setItems(Array.from({ length: 600 }, (_, n) => ({ key: `k:${n}`, value: n })));
      await storage.clear();
      assert.deepEqual(await storage.getKeys(), []);
    });

    test('a time to live is in seconds, of the call or of the driver', async () => {
      const short = createStorage({ driver: hengeDriver({ store, base: `${base}:short`, ttl: 0.2 }) });
      await short.setItem('default', 'v');
      await short.setItem('own', 'v', { ttl: 60 });
      await storage.setItem('call', 'v', { ttl: 0.2 });
      assert.equal(await storage.getItem('call'), 'v');
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual([await short.getItem('default'), await short.getItem('own'), await storage.getItem('call')], [null, 'v', null]);
    });

    test('changes are told, made here and elsewhere, until that is stopped', async () => {
      const told = [];
      const stop = await storage.watch((event, key) => told.push(`${event} ${key}`));
      const other = createStorage({ driver: hengeDriver({ store: await make(), base }) });
      await storage.setItem('mine', 1);
      await eventually(() => assert.ok(told.includes('update mine')));
      await other.setItem('theirs', 1);
      await eventually(() => assert.ok(told.includes('update theirs')));
      await other.removeItem('theirs');
      await eventually(() => assert.ok(told.includes('remove theirs')));
      await stop();
      told.length = 0;
      await storage.setItem('mine', 2);
      await other.dispose();
      assert.deepEqual(told, []);
    });

    test('meta is the version and the siblings; what was set as meta is there, too', async () => {
      await storage.setItem('k', 'v');
      await store.flush?.();
      const { version } = await store.getEntry(`${base}:k`);
      assert.deepEqual({ ...(await storage.getMeta('k')) }, { version, siblings: 0 });
      await storage.setMeta('k', { mine: 1 });
      assert.deepEqual({ ...(await storage.getMeta('k')) }, { version, siblings: 0, mine: 1 });
      assert.deepEqual({ ...(await storage.getMeta('none')) }, {});
    });

    test('a snapshot is restored, also below a prefix and beside other drivers', async () => {
      const whole = createStorage();
      whole.mount('henge', hengeDriver({ store, base }));
      await restoreSnapshot(whole, { a: '1', 'b:c': 'text' }, 'henge');
      assert.deepEqual(await snapshot(whole, 'henge'), { a: 1, 'b:c': 'text' });
      assert.deepEqual(await prefixStorage(whole, 'henge').getKeys(), ['a', 'b:c']);
      assert.deepEqual(await storage.getKeys(), ['a', 'b:c']);
    });

    test('who disposes of the storage closes the store', async () => {
      await storage.watch(() => undefined);
      await storage.dispose();
      assert.equal(store.status.state, 'closed');
    });
  });
}

test('what is no store is refused with what to hand in', () => {
  assert.throws(() => hengeDriver({}), /hengeDriver\(\) takes \{ store: await open/);
  assert.throws(() => hengeDriver({ store: { list: () => [] }, base: 7 }), /base must be text, not 7/);
});
