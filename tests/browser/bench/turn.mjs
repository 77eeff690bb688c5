/** One store's turn: a Chromium of its own, so that no store meets what another has left. */

import { openPage, startChromium } from '../chromium.mjs';
import { median } from './page/operations.mjs';

/** The stores, in the order of the table. `durability` is what one gives unless the page interferes. */
export const STORES = [
  { title: 'Henge', module: 'henge', durability: 'strict', syncs: true },
  { title: 'Henge, OPFS', module: 'henge-worker', durability: 'strict', syncs: true },
  { title: 'idb-keyval', module: 'idb-keyval', durability: 'relaxed', syncs: false },
  { title: 'Dexie', module: 'dexie', durability: 'relaxed', syncs: false },
  { title: 'PouchDB', module: 'pouchdb', durability: 'relaxed', syncs: true },
  { title: 'RxDB', module: 'rxdb', durability: 'relaxed', syncs: true },
];

/** The turns of a round: each store as it is, and those that are relaxed once more for strict writes. */
export const TURNS = STORES.flatMap((store) => [
  { store, durability: store.durability },
  ...(store.durability === 'strict' ? [] : [{ store, durability: 'strict' }]),
]);

/**
 * Plays one turn against `place` and returns its figures in milliseconds, by operation. `sizes` has
 * `keys`, `puts`, `reads` and `opens`, and Henge's `memoryBytes`.
 */
export async function playTurn({ store, durability }, sizes, place) {
  const { keys, puts, reads, opens, memoryBytes } = sizes;
  const { servers } = place;
  const isPlain = durability === store.durability;
  const asked = new URLSearchParams({ store: store.module, memory: memoryBytes, ...(!isPlain && { durability }) });
  const url = `${place.site.origin}/?${asked}`;
  const browser = await startChromium();
  const visit = (operation, given) => runInPage(browser.context, url, operation, given);
  try {
    const { load, put } = await visit('write', { name: 'pairs', keys, puts });
    const written = { [`load ${durability}`]: load, [`put ${durability}`]: put };
    if (!isPlain) {
      await visit('read', { name: 'pairs', keys, puts, reads });
      return written;
    }
    await visit('settle', { name: 'pairs', servers });
    const opened = [];
    for (let number = 0; number < opens; number++) opened.push((await visit('open', { name: 'pairs', number })).open);
    const read = await visit('read', { name: 'pairs', keys, puts, reads });
    const synced = store.syncs && (await visit('sync', { name: 'synced', keys, servers }));
    return { ...written, open: median(opened), ...read, ...synced };
  } finally {
    await browser.end();
  }
}

/** Runs one operation in a new page. */
async function runInPage(context, url, operation, given) {
  const { page, problems } = await openPage(context, url);
  try {
    await page.waitForFunction(() => globalThis.bench);
    const result = await page.evaluate(([operation, given]) => globalThis.bench(operation, given), [operation, given]);
    // That a replication has no checkpoint yet is said by a 404.
    if (problems.some((it) => !it.startsWith('Failed to load resource'))) throw new Error('the page complains');
    return result;
  } catch (error) {
    throw new Error([`${operation} at ${url}: ${error.message}`, ...problems].join('\n'), { cause: error });
  } finally {
    await page.close();
  }
}
