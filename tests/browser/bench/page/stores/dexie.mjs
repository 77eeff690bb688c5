/** Dexie, with a table whose keys are not in the values. */

import { Dexie } from 'dexie';

export async function open(name) {
  const database = new Dexie(name);
  database.version(1).stores({ pairs: '' });
  await database.open();
  const { pairs } = database;
  return {
    load: (all) => pairs.bulkPut(all.map(([, value]) => value), all.map(([key]) => key)),
    put: (key, value) => pairs.put(value, key),
    get: (key) => pairs.get(key),
    getMany: (keys) => pairs.bulkGet(keys),
    close: async () => database.close(),
  };
}
