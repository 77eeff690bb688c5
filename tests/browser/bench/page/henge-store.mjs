/** Henge, as `open()` gives it: without a server, but for the calls that are about one. */

import { open as openStore } from '../../../../wasm-sdk/dist/browser.js';

/** The calls of the bench, with stores that are opened with `options` and then are in `kind`. */
export function hengeStore(options, kind) {
  const openHere = async (name, more) => {
    const store = await openStore({ name, ...SETTINGS, ...options, ...more });
    if (store.storage.kind !== kind) throw new Error(`the store is in ${store.storage.kind}: ${store.storage.reason}`);
    return store;
  };
  return {
    async open(name) {
      const store = await openHere(name);
      const get = (key) => store.get(key, { from: 'local' });
      return {
        load: (all) => Promise.all(all.map(([key, value]) => store.put(key, value))),
        put: (key, value) => store.put(key, value),
        get,
        getMany: (keys) => Promise.all(keys.map(get)),
        close: () => store.close(),
      };
    },

    /** Takes what was written to the ring, so that what is read afterwards are copies, as it is in use. */
    async settle(name, { stone }) {
      const store = await openHere(name, { urls: stone });
      await store.flush();
      await store.close();
    },

    /** Subscribes to the keys, until all are here and stored. */
    async sync(name, { stone }, keys) {
      const store = await openHere(name, { urls: stone });
      const prefix = 'sync/';
      await new Promise((resolve) => {
        store.subscribe({ prefix }, ({ type }) => type === 'synced' && resolve());
      });
      const here = await store.list({ prefix, from: 'local' }).toArray();
      if (here.length !== keys) throw new Error(`${here.length} of ${keys} keys are here`);
      await store.close();
    },
  };
}

/** As many copies as there are pairs, none is dropped; and the memory that the bench was told to give. */
const SETTINGS = { copies: 65_536, memoryBytes: Number(new URLSearchParams(location.search).get('memory')) };
