/** The page: `bench(operation, arguments)` is called from outside. */

import { open, read, sync, write } from './operations.mjs';

const asked = new URLSearchParams(location.search);
const load = () => import(`/${asked.get('store')}.js`);

// Not all of the stores can be told how durable their writes are to be.
const durability = asked.get('durability');
if (durability) {
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (stores, mode, options) {
    return transaction.call(this, stores, mode, { ...options, durability });
  };
}

const operations = {
  write: async (given) => write(await load(), given),
  settle: async (given) => (await load()).settle?.(given.name, given.servers),
  open: (given) => open(load, given),
  read: async (given) => read(await load(), given),
  sync: async (given) => sync(await load(), given),
};

globalThis.bench = (operation, given) => operations[operation](given);
