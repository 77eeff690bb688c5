/** What stores with a storage promise, in every runtime alike; see `conformance.mjs`. */

import { equal, failure, fresh, includes, same, until, using } from './expect.mjs';

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
      equal(['fs', 'opfs', 'indexeddb', 'memory'].includes(kind), true);
      equal(reason === undefined, kind === 'fs' || kind === 'opfs');
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
      // Nor does who has just opened a store have to wait for its connection first.
      const early = await henge.open({ name: fresh(), urls });
      equal(await early.get(key), 'of another');
      await early.close();
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
    name: 'who subscribes is told once when a value ends, written here or elsewhere, and with or without a connection',
    async run({ henge, urls }) {
      for (const connected of [true, false]) {
        const store = await henge.open({ name: fresh(), urls: connected ? urls : undefined });
        const prefix = fresh();
        const told = [];
        const stop = store.subscribe({ prefix }, (change) => told.push(change));
        await store.put(`${prefix}/ends`, 'v', { ttlMs: 700, durability: connected ? 'ring' : 'local' });
        await store.put(`${prefix}/stays`, 'v');
        const { expiresAt } = await store.getEntry(`${prefix}/ends`);
        equal(Math.abs(expiresAt.getTime() - Date.now() - 600) < 600, true);
        equal((await store.list({ prefix, from: 'local' }).toArray()).map((it) => it.expiresAt instanceof Date).join(), 'true,false');
        await until(() => told.some(({ type }) => type === 'expire'));
        equal(await store.get(`${prefix}/ends`, { from: 'local' }), undefined);
        await new Promise((resolve) => setTimeout(resolve, 300));
        same(
          told.filter(({ type }) => type === 'expire' || type === 'delete').map(({ type, key }) => [type, key]),
          [['expire', `${prefix}/ends`]],
        );
        stop();
        await store.close();
      }
    },
  },
  {
    name: 'a snapshot of a store is restored into another one, with what ends when',
    async run({ henge, urls }) {
      const prefix = fresh();
      const store = await henge.open({ name: fresh(), urls });
      await store.putMany(Array.from({ length: 600 }, (_, n) => [`${prefix}/${n}`, { n, text: 'x'.repeat(n % 200) }]));
      await store.put(`${prefix}/ends`, new Uint8Array([0, 255]), { ttlMs: 60_000, durability: 'ring' });
      await using(henge, urls[1], (other) => other.put(`${prefix}/theirs`, 'from elsewhere'));
      const bytes = await new Response(henge.snapshot(store, { prefix })).blob();
      await store.close();
      const alone = await henge.open({ name: fresh() });
      await alone.put(`${prefix}/7`, 'newer');
      const kept = await henge.restore(alone, bytes.stream(), { existing: 'keep' });
      same(kept, { written: 601, kept: 1, expired: 0 });
      equal(await alone.get(`${prefix}/7`), 'newer');
      const seen = [];
      const told = await henge.restore(alone, bytes.stream(), { onProgress: ({ written }) => seen.push(written) });
      same([told.written, seen.at(-1)], [602, 602]);
      same(await alone.get(`${prefix}/7`), { n: 7, text: 'x'.repeat(7) });
      equal(await alone.get(`${prefix}/theirs`), 'from elsewhere');
      const { value, expiresAt } = await alone.getEntry(`${prefix}/ends`);
      same([...value], [0, 255]);
      equal(Math.abs(expiresAt.getTime() - Date.now() - 50_000) < 20_000, true);
      const cut = await failure(henge.restore(alone, bytes.slice(0, bytes.size - 1).stream()));
      equal(cut.code, 'CORRUPT');
      await alone.close();
    },
  },
  {
    name: 'ten thousand writes at once wait for a storage with little memory, and are all there in their order',
    async run({ henge }) {
      const name = fresh();
      const store = await henge.open({ name, memoryBytes: 4 * 1024 * 1024 });
      const value = 'x'.repeat(500);
      const all = Array.from({ length: 10_000 }, (_, n) => store.put(`k${n % 5_000}`, `${n} ${value}`, { durability: 'memory' }));
      const last = store.put('k0', 'last');
      await Promise.all(all);
      await last;
      equal(store.pending, 10_001);
      equal(await store.get('k0', { from: 'local' }), 'last');
      equal(await store.get('k4999', { from: 'local' }), `9999 ${value}`);
      await store.close();
    },
  },
  {
    name: 'a peek forgets a value that has ended',
    async run({ henge }) {
      const store = await henge.open({ name: fresh() });
      const stop = store.subscribe('k', () => undefined);
      await store.put('k', 'v', { ttlMs: 300 });
      await until(() => store.peek('k') === 'v');
      await until(() => store.peek('k') === undefined);
      stop();
      await store.close();
    },
  },
  {
    name: 'a receipt comes as far as every zone, and so does a flush',
    async run({ henge, urls }) {
      const store = await henge.open({ name: fresh(), urls });
      const key = fresh();
      const receipt = await store.put(key, 'v', { durability: 'ring' });
      equal(receipt.durability, 'ring');
      equal(await receipt.until('zones'), receipt);
      equal(receipt.durability, 'zones');
      equal(typeof receipt.version, 'string');
      const other = await store.put(key, 'w', { durability: 'zones' });
      equal(other.durability, 'zones');
      for (let n = 0; n < 200; n++) await store.put(`${key}/${n}`, n, { durability: 'memory' });
      await store.flush({ durability: 'zones' });
      equal(store.pending, 0);
      await store.close();
      const alone = await henge.open({ name: fresh() });
      const waiting = await alone.put('k', 'v');
      const ended = failure(waiting.until('zones'));
      await alone.close();
      equal((await ended).code, 'CLOSED');
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
  {
    name: 'keys are listed in order, page after page, with what waits for the ring',
    async run({ henge }) {
      const store = await henge.open({ name: fresh(), storage: 'memory' });
      const pairs = Array.from({ length: 700 }, (_, n) => [`k${String(n).padStart(3, '0')}`, n]);
      const receipts = await store.putMany([...pairs].reverse());
      equal(receipts.length, 700);
      await store.put('other', 'not listed');
      await store.delete('k100');
      await store.put('k200', { more: true });
      const all = await store.list({ prefix: 'k' }).toArray();
      equal(all.length, 699);
      same([all[0].key, all[0].value, all[0].source], ['k000', 0, 'waiting']);
      equal(all.map(({ key }) => key).join(), [...all].map(({ key }) => key).sort().join());
      same(all[199].value, { more: true });
      const back = await store.list({ prefix: 'k', reverse: true, limit: 3 }).toArray();
      same(back.map(({ value }) => value), [699, 698, 697]);
      const range = store.list({ start: 'k010', end: 'k020', limit: 4, from: 'local' });
      const first = await range.toArray();
      same(first.map(({ value }) => value), [10, 11, 12, 13]);
      const rest = await store.list({ start: 'k010', end: 'k020', cursor: range.cursor }).toArray();
      same(rest.map(({ value }) => value), [14, 15, 16, 17, 18, 19]);
      same(await store.getMany(['k001', 'nowhere', 'k200'], { from: 'local' }).catch((error) => error.code), 'UNAVAILABLE');
      same(await store.getMany(['k001', 'k200']), [1, { more: true }]);
      equal((await failure((async () => store.list({ prefix: 'k', end: 'l' }))())) instanceof TypeError, true);
      equal((await failure((async () => store.list({ limit: 0 }))())) instanceof TypeError, true);
      await store.close();
    },
  },
  {
    name: 'what is subscribed to comes from the ring, is kept as the ring has it, and is told',
    async run({ henge, urls }) {
      const name = fresh();
      await using(henge, urls, async (ring) => {
        await Promise.all(Array.from({ length: 300 }, (_, n) => ring.put(`${name}/${n}`, n)));
        const store = await henge.open({ name, urls, storage: 'memory' });
        const told = [];
        const stop = store.subscribe({ prefix: `${name}/` }, (change) => told.push(change));
        await until(() => told.some(({ type }) => type === 'synced'));
        equal((await store.list({ prefix: `${name}/`, from: 'local' }).toArray()).length, 300);
        equal((await store.getEntry(`${name}/7`)).source, 'copy');
        equal(await store.get(`${name}/nowhere`, { from: 'local' }), undefined);
        told.length = 0;
        await ring.put(`${name}/7`, 'new');
        await ring.delete(`${name}/8`);
        await until(() => told.length >= 2);
        const [set, gone] = [...told].sort((a, b) => (a.key < b.key ? -1 : 1));
        same([set.type, set.key, set.value, set.source], ['set', `${name}/7`, 'new', 'copy']);
        same([gone.type, gone.key], ['delete', `${name}/8`]);
        equal(await store.get(`${name}/7`), 'new');
        told.length = 0;
        await store.put(`${name}/9`, 'mine', { durability: 'memory' });
        await until(() => told.length > 0);
        same([told[0].value, told[0].source], ['mine', 'waiting']);
        stop();
        await store.flush();
        told.length = 0;
        await ring.put(`${name}/7`, 'newer');
        await store.put(`${name}/10`, 'not told');
        equal(told.length, 0);
        await store.close();
      });
    },
  },
  {
    name: 'a watch gives changes one after another, and a peek the last value',
    async run({ henge, urls }) {
      const name = fresh();
      const store = await henge.open({ name, urls, storage: 'memory' });
      await store.put(name, 1);
      const aborter = new AbortController();
      const seen = [];
      const watched = (async () => {
        for await (const change of store.watch(name, { initial: true, signal: aborter.signal })) seen.push(change);
      })().catch((error) => error.code);
      await until(() => seen.length > 0 && store.peek(name) === 1);
      same([seen[0].type, seen[0].value], ['set', 1]);
      await store.put(name, { n: 2 });
      await until(() => store.peek(name)?.n === 2);
      equal(store.peek(name), store.peek(name));
      await store.delete(name);
      await until(() => store.peek(name) === undefined && seen.some(({ type }) => type === 'delete'));
      aborter.abort();
      equal(await watched, 'ABORTED');
      equal(store.peek(name), undefined);
      await store.close();
    },
  },
  {
    name: 'a write is told when it is made, and once more when the ring has it',
    async run({ henge, urls }) {
      const store = await henge.open({ name: fresh(), urls, storage: 'memory' });
      const key = fresh();
      const told = [];
      store.subscribe(key, (change) => told.push(change));
      await until(() => told.some(({ type }) => type === 'synced'));
      const counts = [];
      const stop = store.onPending((pending) => counts.push(pending));
      const { version } = await store.put(key, 'v', { durability: 'ring' });
      await store.delete(key, { durability: 'ring' });
      await until(() => store.pending === 0);
      same(told.slice(1).map(({ type, source, version }) => [type, source, version]), [
        ['set', 'waiting', undefined],
        ['set', 'copy', version],
        ['delete', 'waiting', undefined],
        ['delete', 'copy', undefined],
      ]);
      same([counts[0], counts.at(-1)], [1, 0]);
      stop();
      await store.close();
    },
  },
  {
    name: 'a subscription can be stopped after its store was closed, and no other store notices',
    async run({ henge }) {
      const closed = await henge.open({ name: fresh(), storage: 'memory' });
      const other = await henge.open({ name: fresh(), storage: 'memory' });
      const stop = closed.subscribe('k', () => undefined);
      await closed.close();
      stop();
      await other.put('k', 1);
      equal(await other.get('k'), 1);
      equal((await failure((async () => closed.subscribe('k', () => undefined))())).code, 'CLOSED');
      await other.close();
    },
  },
  {
    name: 'updates of a key follow one another, and a namespace hides its beginning',
    async run({ henge, urls }) {
      const name = fresh();
      const store = await henge.open({ name, urls, storage: 'memory' });
      await store.flush();
      const space = store.namespace(`${name}:`);
      await Promise.all(Array.from({ length: 20 }, () => space.update('count', (count = 0) => count + 1)));
      equal(await space.get('count'), 20);
      equal(await store.get(`${name}:count`), 20);
      await space.put('a', 'first');
      same((await space.list({ from: 'local' }).toArray()).map(({ key }) => key), ['a', 'count']);
      const told = [];
      const stop = space.namespace('deep/').subscribe({}, (change) => told.push(change));
      await space.put('deep/er', 1);
      await until(() => told.some(({ key }) => key === 'er'));
      stop();
      equal(await space.update('a', () => undefined), undefined);
      equal(await space.has('a'), false);
      await store.close();
    },
  },
];
