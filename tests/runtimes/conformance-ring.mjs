/** What a connected store can do with many keys, in every runtime alike; see `conformance.mjs`. */

import { equal, failure, fresh, includes, same, until, using } from './expect.mjs';

export const ringCases = [
  {
    name: 'thousands of keys are written and read in one call, in their order',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const name = fresh();
        const keys = Array.from({ length: 5000 }, (_, n) => `${name}/${n}`);
        const versions = await store.putMany(keys.map((key, n) => [key, { n }]), { timeoutMs: 30_000 });
        equal(versions.length, 5000);
        const found = await store.getMany([...keys, `${name}/nowhere`], { timeoutMs: 30_000 });
        same(found, [...keys.map((_, n) => ({ n })), undefined]);
        same(await store.getMany([]), []);
        equal((await failure(store.putMany([[name, 1], ['', 2]]))).code, 'KEY_TOO_LARGE');
        equal((await failure(store.getMany([name, 7]))) instanceof TypeError, true);
      });
    },
  },
  {
    name: 'keys are listed in both directions, in ranges and behind a cursor, with all that is known of them',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const name = fresh();
        const key = (n) => `${name}/${String(n).padStart(4, '0')}`;
        await store.putMany(Array.from({ length: 1500 }, (_, n) => [key(n), n]), { timeoutMs: 30_000 });
        await store.delete(key(700));
        const all = await store.list({ prefix: `${name}/` }).toArray();
        equal(all.length, 1499);
        equal(all.map((entry) => entry.key).join(), [...all].map((entry) => entry.key).sort().join());
        const one = await store.getEntry(key(3));
        same(all[3], one);
        equal(typeof all[3].context, 'string');
        const back = await store.list({ prefix: `${name}/`, reverse: true }).toArray();
        same(back.map(({ value }) => value), all.map(({ value }) => value).reverse());
        const range = store.list({ start: key(698), end: key(703), limit: 3 });
        same((await range.toArray()).map(({ value }) => value), [698, 699, 701]);
        equal(range.cursor, key(701));
        const rest = store.list({ start: key(698), end: key(703), cursor: range.cursor });
        same((await rest.toArray()).map(({ value }) => value), [702]);
        equal(rest.cursor, undefined);
        const last = await store.list({ start: key(698), end: key(703), limit: 2, reverse: true, r: 'all' }).toArray();
        same(last.map(({ value }) => value), [702, 701]);
        const some = store.list({ prefix: `${name}/` });
        for await (const { value } of some) if (value === 9) break;
        equal((await some.toArray())[0].value, 10);
        same(await store.list({ prefix: `${name}/nothing` }).toArray(), []);
        equal((await failure((async () => store.list({ prefix: 'k', end: 'l' }))())) instanceof TypeError, true);
        equal((await failure((async () => store.list({ limit: 0 }))())) instanceof TypeError, true);
        equal((await failure(store.list({ start: 'b', end: 'a' }).toArray())).code, 'PROTOCOL');
        equal((await failure(store.list({ r: 9 }).toArray())).code, 'LEVEL');
        const aborter = new AbortController();
        const listing = failure(store.list({ prefix: `${name}/`, signal: aborter.signal }).toArray());
        await Promise.resolve();
        aborter.abort();
        equal((await listing).code, 'ABORTED');
      });
    },
  },
  {
    name: 'a watch tells what is there, then each change as it is made, and goes on from a token',
    async run({ henge, urls }) {
      await using(henge, urls[1], async (other) => {
        const store = await henge.connect(urls[0]);
        const name = fresh();
        await other.putMany(Array.from({ length: 50 }, (_, n) => [`${name}/${n}`, n]), { timeoutMs: 30_000 });
        const aborter = new AbortController();
        const watch = store.watch({ prefix: `${name}/` }, { initial: true, signal: aborter.signal });
        equal(watch.token, undefined);
        const told = [];
        const ended = (async () => {
          for await (const change of watch) told.push(change);
        })().catch((error) => error.code);
        await until(() => told.some(({ type }) => type === 'synced'));
        equal(told.length, 51);
        same(told.slice(0, 50).map(({ value }) => value).sort((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n));
        told.length = 0;
        const version = await other.put(`${name}/7`, 'new');
        await other.delete(`${name}/8`);
        await until(() => told.length >= 2);
        const [set, gone] = [...told].sort((a, b) => (a.key < b.key ? -1 : 1));
        same([set.type, set.key, set.value, set.version, set.source], ['set', `${name}/7`, 'new', version, 'ring']);
        same([gone.type, gone.key, gone.value, typeof gone.version], ['delete', `${name}/8`, undefined, 'string']);
        same((await store.getEntry(`${name}/7`)).context, set.context);
        await until(() => watch.token !== undefined);
        const { token } = watch;
        aborter.abort();
        equal(await ended, 'ABORTED');
        await store.close();
        await other.put(`${name}/9`, 'missed');
        const later = await henge.connect(urls[2]);
        const seen = [];
        const closed = (async () => {
          for await (const change of later.watch({ prefix: `${name}/` }, { token })) seen.push(change);
        })().catch((error) => error.code);
        await until(() => seen.some(({ key }) => key === `${name}/9`) && seen.some(({ type }) => type === 'synced'));
        equal(seen.find(({ key }) => key === `${name}/9`).value, 'missed');
        equal(seen.some(({ type }) => type === 'resync'), false);
        await later.close();
        equal(await closed, 'CLOSED');
        equal((await failure((async () => later.watch('k', { token: '!' }))())) instanceof TypeError, true);
        equal((await failure((async () => later.watch(7))())) instanceof TypeError, true);
      });
    },
  },
  {
    name: 'a watch goes on over the restart of the only stone that is known',
    async run({ henge, urls, restart }) {
      await using(henge, urls[1], async (other) => {
        const store = await henge.connect(urls[0]);
        const key = fresh();
        const told = [];
        const closed = (async () => {
          for await (const change of store.watch(key)) told.push(change);
        })().catch((error) => error.code);
        await until(() => told.some(({ type }) => type === 'synced'));
        const back = restart();
        await other.put(key, 'meanwhile', { timeoutMs: 30_000 });
        await back;
        await until(() => told.some(({ type, value }) => type === 'resync' || value === 'meanwhile'), 30_000);
        await other.put(key, 'after', { timeoutMs: 30_000 });
        await until(() => told.some(({ value }) => value === 'after'), 30_000);
        await store.close();
        equal(await closed, 'CLOSED');
      });
    },
  },
  {
    name: 'a time to live ends a value of the ring',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const key = fresh();
        await store.put(key, 'soon gone', { ttlMs: 400 });
        equal(await store.get(key), 'soon gone');
        equal((await store.list({ prefix: key }).toArray()).length, 1);
        await new Promise((resolve) => setTimeout(resolve, 700));
        equal(await store.get(key), undefined);
        same(await store.list({ prefix: key }).toArray(), []);
        equal((await failure(store.put(key, 1, { ttlMs: 0.5 }))) instanceof TypeError, true);
      });
    },
  },
  {
    name: 'updates through one store follow one another, and a namespace hides the beginning of its keys',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const name = fresh();
        const space = store.namespace(`${name}:`);
        await Promise.all(Array.from({ length: 20 }, () => space.update('count', async (count = 0) => count + 1)));
        equal(await space.get('count'), 20);
        equal(await store.get(`${name}:count`), 20);
        await space.putMany([['a', 'first'], [new Uint8Array([0xff]), 'bytes']]);
        same((await space.list().toArray()).map(({ key }) => key), ['a', 'count', new Uint8Array([0xff])]);
        same((await space.list({ start: 'b', reverse: true }).toArray()).map(({ value }) => value), ['bytes', 20]);
        const deep = space.namespace('deep/');
        const told = [];
        const closed = (async () => {
          for await (const change of deep.watch({})) told.push(change);
        })().catch((error) => error.code);
        await until(() => told.length === 1);
        await space.put('deep/er', 1);
        await until(() => told.length === 2);
        equal(told[1].key, 'er');
        equal(await space.update('a', () => undefined), undefined);
        equal(await space.has('a'), false);
        const failed = await failure(space.update('a', () => { throw new Error('mine'); }));
        equal(failed.message, 'mine');
        await deep.close();
        equal((await space.getEntry('count')).key, 'count');
        await store.close();
        equal(await closed, 'CLOSED');
      });
    },
  },
  {
    name: 'a session goes on through another stone, and never back',
    async run({ henge, urls }) {
      const key = fresh();
      for (let round = 0; round < 20; round++) {
        const writer = await henge.connect(urls[round % 3]);
        await writer.put(key, round, { w: 1 });
        const session = writer.sessionToken();
        await writer.close();
        const reader = await henge.connect(urls[(round + 1) % 3], { session, r: 1 });
        equal(await reader.get(key), round);
        await reader.close();
      }
      equal((await failure(henge.connect(urls, { session: '~' }))) instanceof TypeError, true);
      equal((await failure(henge.connect(urls, { session: 'bm9uZQ' }))).code, 'PROTOCOL');
    },
  },
  {
    name: 'a bucket that there is not is said with those that there are',
    async run({ henge, urls }) {
      const store = await henge.connect(urls, { bucket: 'nowhere' });
      const error = await failure(store.put('k', 1));
      equal(error.code, 'NO_SUCH_BUCKET');
      includes(error.message, 'default');
      equal((await failure(store.list({}).toArray())).code, 'NO_SUCH_BUCKET');
      const watched = async () => {
        for await (const change of store.watch('k')) return change;
      };
      equal((await failure(watched())).code, 'NO_SUCH_BUCKET');
      await store.close();
      equal((await failure(henge.connect(urls, { bucket: 7 }))) instanceof TypeError, true);
      await using(henge, urls, async (other) => equal(await other.get('k'), undefined));
    },
  },
];
