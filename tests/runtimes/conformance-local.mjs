/** What stores with a storage promise, in every runtime alike; see `conformance.mjs`. */

import { equal, failure, includes, same, using } from './expect.mjs';

export const localCases = [
  {
    name: 'a store without a cluster keeps what is written',
    async run({ henge }) {
      const name = fresh();
      const store = await henge.open({ name });
      equal(store.name, name);
      equal(store.pending, 0);
      const receipt = await store.put('k', { n: 1 });
      equal(receipt.durability, 'local');
      equal(receipt.version, undefined);
      await store.put('k', { n: 2 });
      await store.put(new Uint8Array([0, 255]), 'bytes');
      await store.delete('gone');
      same(await store.get('k'), { n: 2 });
      equal(await store.get(new Uint8Array([0, 255])), 'bytes');
      equal(await store.has('gone'), false);
      const entry = await store.getEntry('k');
      same([entry.value, entry.source, entry.version], [{ n: 2 }, 'waiting', undefined]);
      equal(store.pending, 4);
      await store.close();
      equal(store.status.state, 'closed');
      equal((await failure(store.get('k'))).code, 'CLOSED');
    },
  },
  {
    name: 'a store says where it keeps its files, and why not somewhere better',
    async run({ henge }) {
      const store = await henge.open({ name: fresh() });
      const { kind, reason } = store.storage;
      equal(['fs', 'indexeddb', 'memory'].includes(kind), true);
      equal(reason === undefined, kind !== 'memory');
      await store.close();
      const memory = await henge.open({ name: fresh(), storage: 'memory' });
      same(memory.storage, { kind: 'memory' });
      await memory.close();
      equal((await failure(henge.open({ storage: 'tape' }))) instanceof TypeError, true);
      equal((await failure(henge.open({ name: '../elsewhere' }))) instanceof TypeError, true);
    },
  },
  {
    name: 'what was written without a connection is there when the store is opened again, and goes to the ring',
    async run({ henge, urls }) {
      const name = fresh();
      const first = await henge.open({ name });
      const isKept = first.storage.kind !== 'memory';
      for (let n = 0; n < 200; n++) await first.put(`${name}/${n}`, n, { durability: 'memory' });
      await first.put(`${name}/0`, 'newest');
      await first.delete(`${name}/1`);
      if (isKept) await first.close();
      const store = isKept ? await henge.open({ name, urls }) : await henge.open({ name: fresh(), urls });
      if (isKept) equal(store.pending > 0, true);
      else for (let n = 0; n < 200; n++) await store.put(`${name}/${n}`, n === 0 ? 'newest' : n);
      if (!isKept) await store.delete(`${name}/1`);
      await store.flush();
      equal(store.pending, 0);
      await using(henge, urls[2], async (other) => {
        equal(await other.get(`${name}/0`), 'newest');
        equal(await other.get(`${name}/1`), undefined);
        for (let n = 2; n < 200; n++) equal(await other.get(`${name}/${n}`), n);
      });
      await store.close();
    },
  },
  {
    name: 'a write is seen at once, and its receipt says how far it has come',
    async run({ henge, urls }) {
      const store = await henge.open({ name: fresh(), urls });
      const key = fresh();
      const receipt = await store.put(key, 'v', { durability: 'memory' });
      equal(await store.get(key, { from: 'local' }), 'v');
      await receipt.until('local');
      const { version } = await receipt.until('ring');
      equal(receipt.durability, 'ring');
      await using(henge, urls[1], async (other) => equal((await other.getEntry(key)).version, version));
      const entry = await store.getEntry(key, { from: 'ring' });
      same([entry.value, entry.source, entry.version], ['v', 'ring', version]);
      const copy = await store.getEntry(key, { from: 'local' });
      same([copy.value, copy.source, copy.version], ['v', 'copy', version]);
      await store.delete(key, { durability: 'ring' });
      equal(await store.get(key), undefined);
      await store.close();
    },
  },
  {
    name: 'what others write is read from the ring, and what was read from here without it',
    async run({ henge, urls }) {
      const name = fresh();
      const store = await henge.open({ name, urls });
      const key = fresh();
      await using(henge, urls[0], (other) => other.put(key, 'of another'));
      equal(await store.get(key, { from: 'ring' }), 'of another');
      equal((await failure(store.get(fresh(), { from: 'local' }))).code, 'UNAVAILABLE');
      const isKept = store.storage.kind !== 'memory';
      await store.close();
      if (!isKept) return;
      const alone = await henge.open({ name });
      const entry = await alone.getEntry(key);
      same([entry.value, entry.source], ['of another', 'copy']);
      await alone.close();
    },
  },
  {
    name: 'a write that the ring does not take is said, and holds up nothing',
    async run({ henge, urls }) {
      const store = await henge.open({ name: fresh(), urls, bucket: 'nowhere' });
      const refused = [];
      store.onRefused((it) => refused.push(it));
      const error = await failure(store.put('k', 'v', { durability: 'ring' }));
      equal(error.code, 'NO_SUCH_BUCKET');
      equal(refused[0].key, 'k');
      equal(refused[0].error.code, 'NO_SUCH_BUCKET');
      await store.flush();
      equal(store.pending, 0);
      await store.close();
      const other = await failure(store.put('k', 'v'));
      equal(other.code, 'CLOSED');
    },
  },
  {
    name: 'what no store can take is refused at once, with what is allowed',
    async run({ henge }) {
      const store = await henge.open({ name: fresh() });
      equal((await failure(store.put('k'.repeat(1025), 1))).code, 'KEY_TOO_LARGE');
      const large = await failure(store.put('large', new Uint8Array(1_048_577)));
      equal(large.code, 'VALUE_TOO_LARGE');
      includes(large.message, '1048576');
      equal((await failure(store.put('k', 1, { durability: 'all' }))) instanceof TypeError, true);
      equal((await failure(store.get('k', { from: 'moon' }))) instanceof TypeError, true);
      equal((await failure(store.put('k', 1, { ttlMs: 0 }))) instanceof TypeError, true);
      equal(store.pending, 0);
      await store.close();
    },
  },
  {
    name: 'a time to live ends a value here and on the ring',
    async run({ henge, urls }) {
      const store = await henge.open({ name: fresh(), urls });
      const key = fresh();
      await store.put(key, 'soon gone', { ttlMs: 600, durability: 'ring' });
      equal(await store.get(key, { from: 'local' }), 'soon gone');
      await new Promise((resolve) => setTimeout(resolve, 900));
      equal(await store.get(key, { from: 'local' }), undefined);
      equal(await store.get(key, { from: 'ring' }), undefined);
      await store.close();
    },
  },
  {
    name: 'writes go on over the restart of the only stone that is known',
    async run({ henge, urls, restart }) {
      const store = await henge.open({ name: fresh(), urls: urls[0] });
      const key = fresh();
      await store.put(key, 'before', { durability: 'ring' });
      const back = restart();
      for (let n = 0; n < 50; n++) await store.put(`${key}/${n}`, n);
      equal(await store.get(`${key}/49`), 49);
      await back;
      await store.flush();
      await using(henge, urls[1], async (other) => {
        for (let n = 0; n < 50; n++) equal(await other.get(`${key}/${n}`), n);
      });
      await store.close();
    },
  },
];

/** A name that no other case has. */
function fresh() {
  return `local-${crypto.randomUUID()}`;
}
