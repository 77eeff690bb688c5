/** Henge, as `open()` gives it: without a server, but for the calls that are about one. */

import { open as openStore } from '../../../../../wasm-sdk/dist/browser.js';
import { keyOf } from '../pairs.mjs';

export async function open(name) {
  const store = await openStore({ name, ...SETTINGS });
  const get = (key) => store.get(key, { from: 'local' });
  return {
    load: (all) => Promise.all(all.map(([key, value]) => store.put(key, value))),
    put: (key, value) => store.put(key, value),
    get,
    getMany: (keys) => Promise.all(keys.map(get)),
    close: () => store.close(),
  };
}

/** Takes what was written to the ring, so that what is read afterwards are copies, as it is in use. */
export async function settle(name, { stone }) {
  const store = await openStore({ name, urls: stone, ...SETTINGS });
  await store.flush();
  await store.close();
}

/** Reads each key from the ring, which leaves copies here; they are stored when the store is closed. */
export async function sync(name, { stone }, keys) {
  const store = await openStore({ name, urls: stone, ...SETTINGS });
  // Key by key: what fetches all keys with a prefix belongs here once there is such a call.
  const reads = Array.from({ length: keys }, (_, number) => store.get(keyOf('sync', number), { from: 'ring', timeoutMs: 60_000 }));
  await Promise.all(reads);
  await store.close();
}

/** As many copies as there are pairs, none is dropped; and the memory that the bench was told to give. */
const SETTINGS = { copies: 65_536, memoryBytes: Number(new URLSearchParams(location.search).get('memory')) };
