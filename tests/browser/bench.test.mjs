/** The bench of stores in pages measures what it says, and believes no store that loses something. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { read } from './bench/page/operations.mjs';
import { valueOf } from './bench/page/pairs.mjs';
import { startPlace } from './bench/place.mjs';
import { tableOf } from './bench/table.mjs';
import { playTurn, STORES, TURNS } from './bench/turn.mjs';
import { openPage, startChromium } from './chromium.mjs';

const SIZES = { keys: 100, puts: 3, reads: 10, opens: 1, memoryBytes: 64 * 2 ** 20 };

test('each store gives a figure for each operation that it has', { timeout: 120_000 }, async () => {
  const place = await startPlace(STORES.map(({ module }) => module), SIZES.keys);
  try {
    for (const turn of TURNS) {
      const { title, durability, syncs } = turn.store;
      const figures = await playTurn(turn, SIZES, place);
      const writes = [`load ${turn.durability}`, `put ${turn.durability}`];
      const others = turn.durability === durability ? ['open', 'get', 'getMany', ...(syncs ? ['sync'] : [])] : [];
      assert.deepEqual(Object.keys(figures), [...writes, ...others], title);
      for (const [operation, time] of Object.entries(figures)) assert.ok(time > 0, `${title}: ${operation} took ${time} ms`);
    }
  } finally {
    await place.end();
  }
});

test('a page that is asked to write strictly does so', { timeout: 60_000 }, async () => {
  const place = await startPlace([], 1);
  const browser = await startChromium();
  try {
    for (const [query, expected] of [['', 'default'], ['?durability=strict', 'strict']]) {
      const { page } = await openPage(browser.context, `${place.site.origin}/${query}`);
      await page.waitForFunction(() => globalThis.bench);
      assert.equal(await page.evaluate(durabilityOfWrites), expected);
    }
  } finally {
    await browser.end();
    await place.end();
  }
});

test('a store that returns nothing, something else or only what is asked first is found out', async () => {
  const sizes = { name: 'any', ...SIZES };
  const honest = fake(valueOf);
  await read(honest, sizes);
  await assert.rejects(read(fake(() => undefined), sizes), /reads as undefined/);
  await assert.rejects(read(fake((key) => valueOf(`${key}x`)), sizes), /not as it was written/);
  await assert.rejects(read(fake(valueOf, () => []), sizes), /10 keys were read, 0 values came/);
  let asked = 0;
  const forgets = fake(valueOf, (keys) => keys.map((key) => ((asked += 1) > SIZES.reads + 50 ? undefined : valueOf(key))));
  await assert.rejects(read(forgets, sizes), /reads as undefined/);
});

test('a ratio is that of the same round, and each store has its own column', () => {
  const rounds = [10, 20, 40].map((load) => ({ A: { load }, B: { load: 2 * load, relaxed: load } }));
  const table = tableOf([['load', 'Load'], ['relaxed', 'Relaxed']], ['A', 'B'], rounds, { relaxed: 'load' });
  const rows = ['| Load | 20.0 (10.0 to 40.0) | 40.0 (20.0 to 80.0), 2.00x |', '| Relaxed | – | 20.0 (10.0 to 40.0), 1.00x |'];
  assert.deepEqual(table.split('\n').slice(2), rows);
});

/** A store that is not one: it makes up what it returns. */
function fake(valueOfKey, getMany = (keys) => keys.map(valueOfKey)) {
  return {
    open: async () => ({ get: async (key) => valueOfKey(key), getMany: async (keys) => getMany(keys), async close() {} }),
  };
}

/** How durable a write of this page is that says nothing about it. */
async function durabilityOfWrites() {
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open(crypto.randomUUID());
    request.onupgradeneeded = () => request.result.createObjectStore('pairs');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const { durability } = database.transaction('pairs', 'readwrite');
  return durability;
}
