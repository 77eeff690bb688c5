/** idb-keyval: keys and values of IndexedDB as they are. */

import { createStore, get, getMany, set, setMany } from 'idb-keyval';

export async function open(name) {
  const pairs = createStore(name, 'pairs');
  return {
    load: (all) => setMany(all, pairs),
    put: (key, value) => set(key, value, pairs),
    get: (key) => get(key, pairs),
    getMany: (keys) => getMany(keys, pairs),
    async close() {},
  };
}
