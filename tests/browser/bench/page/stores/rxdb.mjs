/** RxDB over Dexie: the storage for browsers that is free of charge. */

import { createRxDatabase } from 'rxdb/plugins/core';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';

export async function open(name) {
  const { database, pairs } = await make(name);
  return {
    async load(all) {
      const { error } = await pairs.bulkInsert(all.map(([id, value]) => ({ id, value })));
      if (error.length > 0) throw new Error(`${error.length} documents were refused`);
    },
    put: (id, value) => pairs.insert({ id, value }),
    get: async (id) => (await pairs.findOne(id).exec())?.value,
    async getMany(ids) {
      const found = await pairs.findByIds(ids).exec();
      return ids.map((id) => found.get(id)?.value);
    },
    close: () => database.close(),
  };
}

/** Pulls from a server that gives documents in an order, from a checkpoint on. */
export async function sync(name, { documents }) {
  const { database, pairs } = await make(name);
  const replication = replicateRxCollection({
    collection: pairs,
    replicationIdentifier: documents,
    live: false,
    pull: {
      batchSize: BATCH,
      async handler(checkpoint, limit) {
        const answer = await fetch(`${documents}?${new URLSearchParams({ after: checkpoint?.at ?? 0, limit })}`);
        return answer.json();
      },
    },
  });
  const failed = new Promise((_, reject) => replication.error$.subscribe(reject));
  await Promise.race([replication.awaitInitialReplication(), failed]);
  await database.close();
}

async function make(name) {
  const database = await createRxDatabase({ name, storage: getRxStorageDexie() });
  const { pairs } = await database.addCollections({ pairs: { schema: SCHEMA } });
  return { database, pairs };
}

const SCHEMA = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: { id: { type: 'string', maxLength: 32 }, value: { type: 'string' } },
  required: ['id', 'value'],
};

/** Ten times the default. */
const BATCH = 1_000;
