/**
 * What is measured, in the page. `opener` is the module of a store (`stores/`); its `open(name)` gives
 * what `load`, `put`, `get`, `getMany` and `close` are called on. Times are in milliseconds.
 */

import { check, keyOf, pairsOf } from './pairs.mjs';

/** Bulk load of `keys` pairs into an empty store, then `puts` more, one after another. */
export async function write(opener, { name, keys, puts }) {
  const store = await opener.open(name);
  const pairs = pairsOf('load', 0, keys);
  const singles = pairsOf('load', keys, keys + puts);
  const load = await timed(() => store.load(pairs));
  const put = [];
  for (const [key, value] of singles) put.push(await timed(() => store.put(key, value)));
  await store.close();
  return { load, put: median(put) };
}

/** Loads a store's code, opens it with the data there, and reads one key; everything else is checked after. */
export async function open(load, { name, number }) {
  const key = keyOf('load', number);
  const began = performance.now();
  const opener = await load();
  const store = await opener.open(name);
  const value = await store.get(key);
  const took = performance.now() - began;
  check([key], [value]);
  await store.close();
  return { open: took };
}

/** Reads `reads` keys one after another and as many others at once; then all there are, which is not measured. */
export async function read(opener, { name, keys, puts, reads }) {
  const store = await opener.open(name);
  const picked = shuffled(keys).slice(0, 2 * reads).map((number) => keyOf('load', number));
  const [singles, others] = [picked.slice(0, reads), picked.slice(reads)];
  const values = [];
  const get = await timed(async () => {
    for (const key of singles) values.push(await store.get(key));
  });
  check(singles, values);
  let found;
  const getMany = await timed(async () => (found = await store.getMany(others)));
  check(others, found);
  await checkAll(store, 'load', keys + puts);
  await store.close();
  return { get: get / reads, getMany };
}

/** Takes `keys` pairs from a server into an empty store; then reads them back, which is not measured. */
export async function sync(opener, { name, keys, servers }) {
  const took = await timed(() => opener.sync(name, servers, keys));
  const store = await opener.open(name);
  await checkAll(store, 'sync', keys);
  await store.close();
  return { sync: took };
}

/** The middle of `numbers`. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function checkAll(store, prefix, count) {
  const keys = Array.from({ length: count }, (_, number) => keyOf(prefix, number));
  check(keys, await store.getMany(keys));
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The numbers below `count`, in an order that is the same in each run (Fisher and Yates). */
function shuffled(count) {
  const numbers = Array.from({ length: count }, (_, number) => number);
  let state = 1;
  for (let at = count - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (at + 1));
    [numbers[at], numbers[other]] = [numbers[other], numbers[at]];
  }
  return numbers;
}
