/** `henge/keyv` under Keyv 5 and 6, with Keyv's own tests of storage adapters. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { keyvApiTests, keyvIteratorTests, keyvNamespaceTest, keyvValueTests } from '@keyv/test-suite';
import { Keyv as Keyv5 } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import { expect } from 'vitest';
import { connect, open } from '../dist/index.js';
import { KeyvHenge } from '../dist/adapters/keyv.js';
import { cluster } from '../dist/testing/index.js';

let ring;
let own;
let remote;

before(async () => {
  ring = await cluster({ nodes: 3 });
  own = await open({ name: 'keyv', urls: ring.urls, WebSocket: ring.WebSocket, storage: 'memory' });
  remote = await connect(ring.urls, { WebSocket: ring.WebSocket });
});
after(async () => {
  await Promise.all([own?.close(), remote?.close()]);
  await ring?.close();
});

/** Keyv's tests are for another runner: this is what they take of it. Those called `others` are left out. */
const runner = (others) => ({ it: (name, run) => others.includes(name) || test(name, () => run({ expect })), beforeEach, afterEach });
const SUITES = { api: keyvApiTests, values: keyvValueTests, namespaces: keyvNamespaceTest, iterator: keyvIteratorTests };

/** They are of Keyv 5: in Keyv 6 `delete(keys)` resolves to an array. */
const OLD = ['.deleteMany([keys]) with nonexistent keys resolves to false'];

const CASES = [
  ['Keyv 5', Keyv5, [], 'open()', () => own],
  ['Keyv 5', Keyv5, [], 'connect()', () => remote],
  ['Keyv 6', Keyv6, OLD, 'open()', () => own],
  ['Keyv 6', Keyv6, OLD, 'connect()', () => remote],
];

for (const [version, Keyv, others, kind, store] of CASES) {
  describe(`${version} on ${kind}`, () => {
    // All tests have one store, but each of these kinds has keys of its own there, as each test has its own `Map`.
    const adapter = () => new KeyvHenge(store().namespace(`${version} ${kind}/`));
    for (const [name, suite] of Object.entries(SUITES)) describe(name, () => suite(runner(others), Keyv, adapter));

    test('a time to live goes to the ring', async () => {
      const keyv = new Keyv({ store: adapter(), namespace: 'ttl' });
      await keyv.set('k', 'v', 300);
      await own.flush();
      const onRing = async () => (await remote.list({ prefix: `${version} ${kind}/ttl:` }).toArray()).length;
      assert.equal(await onRing(), 1);
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.equal(await onRing(), 0);
      assert.equal(await keyv.get('k'), undefined);
    });

    test('many keys are set, read and deleted at once', async () => {
      const keyv = new Keyv({ store: adapter(), namespace: 'many' });
      const names = Array.from({ length: 1_000 }, (_, n) => `k${n}`);
      await keyv.setMany(names.map((key) => ({ key, value: { key } })));
      assert.deepEqual(await keyv.getMany(names), names.map((key) => ({ key })));
      assert.deepEqual(await keyv.hasMany(['k1', 'none']), [true, false]);
      await keyv.deleteMany(names.slice(1));
      const left = [];
      for await (const [key] of keyv.iterator({})) left.push(key);
      assert.deepEqual(left, ['k0']);
      await keyv.clear();
      for await (const [key] of keyv.iterator({})) assert.fail(`${key} is left`);
    });
  });
}

test('a deletion is taken without a connection, of a key that nobody here knows, too', async () => {
  const alone = await open({ name: 'keyv-alone', storage: 'memory' });
  const keyv = new Keyv5({ store: new KeyvHenge(alone), throwOnErrors: true });
  assert.equal(await keyv.delete('unknown'), true);
  assert.equal(await keyv.delete('unknown'), false);
  await assert.rejects(keyv.get('never-seen'), { code: 'UNAVAILABLE' });
  await keyv.disconnect();
  assert.equal(alone.status.state, 'closed');
});

test('what is no store is refused with what to hand in', () => {
  assert.throws(() => new KeyvHenge(new Map()), /KeyvHenge takes a store of open\(\) or connect\(\)/);
});
