/**
 * What the SDK promises, in every runtime alike. It imports only by path, so that a page can load it as
 * it is. Each case is given `{ henge, urls, restart }`: the package, the stones' addresses, and a
 * function that kills stone 0 and resolves when it is back.
 */

import { equal, failure, includes, same, using } from './expect.mjs';
import { localCases } from './conformance-local.mjs';
import { ringCases } from './conformance-ring.mjs';

export const cases = [
  ...localCases,
  ...ringCases,
  {
    name: 'a store says who it is connected to',
    async run({ henge, urls }) {
      const store = await henge.connect(urls[1]);
      equal(store.status.state, 'connected');
      equal(store.status.member, 'stone-2');
      equal(store.status.replicas, 3);
      await store.close();
      equal(store.status.state, 'closed');
    },
  },
  {
    name: 'values come back as what they were put as, through every stone',
    async run({ henge, urls }) {
      const stores = await Promise.all(urls.map((url) => henge.connect(url)));
      const values = ['', 'text \u{2728}', 0, -1.5, true, false, null, [], [1, [2]], { a: { b: ['c', null] } }, new Uint8Array(), new Uint8Array([0, 255, 10])];
      for (const [i, value] of values.entries()) {
        await stores[i % 3].put(`values/${i}`, value);
        for (const store of stores) same(await store.get(`values/${i}`), value);
      }
      await Promise.all(stores.map((store) => store.close()));
    },
  },
  {
    name: 'a key is text or bytes, with any character in it',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        await store.put('keys/\u{e9} %/?#', 'text');
        equal(await store.get(new TextEncoder().encode('keys/\u{e9} %/?#')), 'text');
        await store.put(new Uint8Array([0, 255, 1]), 'bytes');
        equal(await store.get(new Uint8Array([0, 255, 1])), 'bytes');
      });
    },
  },
  {
    name: 'an absent key is undefined, and a deleted key is absent',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        equal(await store.get('absent/never'), undefined);
        equal(await store.getEntry('absent/never'), undefined);
        equal(await store.has('absent/never'), false);
        await store.put('absent/now', 1);
        equal(await store.has('absent/now'), true);
        await store.delete('absent/now');
        equal(await store.get('absent/now'), undefined);
        await store.put('absent/now', 2);
        equal(await store.get('absent/now'), 2);
      });
    },
  },
  {
    name: 'an entry has key, value, version and context, and versions grow',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const first = await store.put('entry', { n: 1 }, { w: 'all' });
        const entry = await store.getEntry('entry', { r: 'all' });
        equal(entry.key, 'entry');
        same(entry.value, { n: 1 });
        equal(entry.version, first);
        equal(typeof entry.context, 'string');
        equal(entry.siblings, undefined);
        const second = await store.put('entry', { n: 2 }, { context: entry.context });
        equal(second > first, true);
        await using(henge, urls[2], async (other) => equal((await other.getEntry('entry')).version, second));
      });
    },
  },
  {
    name: 'every level is taken, and one that does not exist is told what is allowed',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        for (const level of ['one', 'quorum', 'all', 'local_quorum', 'each_quorum', 1, 2, 3]) {
          await store.put('levels', String(level), { w: level });
          equal(await store.get('levels', { r: level === 'one' || level === 1 ? 'all' : level }), String(level));
        }
        const unknown = await failure(store.get('levels', { r: 'most' }));
        equal(unknown.code, 'LEVEL');
        includes(unknown.message, 'quorum');
        const many = await failure(store.put('levels', 1, { w: 4 }));
        equal(many.code, 'LEVEL');
        includes(many.message, '1 to 3');
      });
    },
  },
  {
    name: 'a StoreError has a code, says whether to retry, and names its key',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const long = await failure(store.put('k'.repeat(1025), 1));
        equal(long instanceof henge.StoreError, true);
        equal(long.code, 'KEY_TOO_LARGE');
        equal(long.retryable, false);
        includes(long.message, '1025');
        equal((await failure(store.get(''))).code, 'KEY_TOO_LARGE');
        const large = await failure(store.put('large', new Uint8Array(10_240)));
        equal(large.code, 'VALUE_TOO_LARGE');
        equal(large.key, 'large');
        includes(large.message, '10240');
      });
    },
  },
  {
    name: 'arguments that cannot be are a TypeError that says what is allowed',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const option = await failure(store.get('k', { retries: 3 }));
        equal(option instanceof TypeError, true);
        includes(option.message, 'timeoutMs');
        equal((await failure(store.get(7))) instanceof TypeError, true);
        equal((await failure(store.put('k', undefined))) instanceof TypeError, true);
        equal((await failure(store.get('k', { timeoutMs: -1 }))) instanceof TypeError, true);
        equal((await failure(henge.connect('ftp://127.0.0.1'))) instanceof Error, true);
      });
    },
  },
  {
    name: 'a signal gives a call up, before it is sent and while it is under way',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const before = await failure(store.put('aborted', 1, { signal: AbortSignal.abort() }));
        equal(before.code, 'ABORTED');
        const aborter = new AbortController();
        const call = failure(store.get('aborted', { signal: aborter.signal }));
        aborter.abort();
        equal((await call).code, 'ABORTED');
        equal(await store.get('aborted'), undefined);
      });
    },
  },
  {
    name: 'a closed store says so',
    async run({ henge, urls }) {
      const store = await henge.connect(urls);
      const open = failure(store.get('closing'));
      await store.close();
      await store.close();
      const after = await failure(store.get('closing'));
      equal(after.code, 'CLOSED');
      equal(after instanceof henge.StoreError, true);
      await open.catch(() => undefined);
    },
  },
  {
    name: 'nobody there is OFFLINE, and one address of several is enough',
    async run({ henge, urls }) {
      const error = await failure(henge.connect('http://127.0.0.1:9', { timeoutMs: 300 }));
      equal(error.code, 'OFFLINE');
      const store = await henge.connect(['http://127.0.0.1:9', urls[0]]);
      equal(store.status.state, 'connected');
      await store.close();
    },
  },
  {
    name: 'a thousand calls at once are all answered',
    async run({ henge, urls }) {
      await using(henge, urls, async (store) => {
        const numbers = Array.from({ length: 1000 }, (_, n) => n);
        await Promise.all(numbers.map((n) => store.put(`many/${n}`, { n })));
        same(await Promise.all(numbers.map((n) => store.get(`many/${n}`))), numbers.map((n) => ({ n })));
      });
    },
  },
  {
    name: 'calls go on over the restart of the only stone that is known',
    async run({ henge, urls, restart }) {
      const store = await henge.connect(urls[0]);
      const states = [];
      const stop = store.onStatus((status) => states.push(status.state));
      await store.put('restart/before', 'kept');
      const back = restart();
      const during = [];
      for (let n = 0; n < 20; n++) {
        during.push(store.put(`restart/${n}`, n, { timeoutMs: 30_000 }));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await Promise.all(during);
      await back;
      equal(await store.get('restart/before'), 'kept');
      for (let n = 0; n < 20; n++) equal(await store.get(`restart/${n}`), n);
      equal(states.includes('offline'), true);
      equal(store.status.state, 'connected');
      stop();
      await store.close();
    },
  },
  {
    name: 'a store with several addresses goes on at another stone',
    async run({ henge, urls, restart }) {
      const store = await henge.connect(urls);
      equal(store.status.member, 'stone-1');
      const back = restart();
      for (let n = 0; n < 10; n++) await store.put(`elsewhere/${n}`, n, { timeoutMs: 30_000 });
      for (let n = 0; n < 10; n++) equal(await store.get(`elsewhere/${n}`), n);
      await back;
      await store.close();
    },
  },
];
