/** PouchDB, with a document for each pair. */

import PouchDB from 'pouchdb-browser';

export async function open(name) {
  const database = new PouchDB(name);
  return {
    async load(all) {
      const results = await database.bulkDocs(all.map(([key, value]) => ({ _id: key, value })));
      const refused = results.find((it) => it.error);
      if (refused) throw refused;
    },
    put: (key, value) => database.put({ _id: key, value }),
    get: async (key) => (await database.get(key)).value,
    async getMany(keys) {
      const { rows } = await database.allDocs({ keys, include_docs: true });
      return rows.map(({ doc }) => doc?.value);
    },
    close: () => database.close(),
  };
}

/** Replicates from a server that speaks CouchDB's protocol. */
export async function sync(name, { couch }) {
  const database = new PouchDB(name);
  await database.replicate.from(couch, { batch_size: BATCH });
  await database.close();
}

/** Ten times the default. */
const BATCH = 1_000;
