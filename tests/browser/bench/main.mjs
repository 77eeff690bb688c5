/**
 * Henge beside the stores that pages use today, in the same Chromium. Each round has a turn for every
 * store, and begins with another one; what counts are the ratios within the rounds.
 */

import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

import { startChromium } from '../chromium.mjs';
import { startPlace } from './place.mjs';
import { tableOf } from './table.mjs';
import { playTurn, STORES, TURNS } from './turn.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    keys: { type: 'string', default: '10000' },
    /** Of Henge's storage, in MiB. With its default 10,000 writes at once are refused. */
    memory: { type: 'string', default: '64' },
  },
});
const rounds = atLeast('rounds', 1);
const keys = atLeast('keys', 2_000);
const memory = atLeast('memory', 1);
const sizes = { keys, puts: 200, reads: 1_000, opens: 3, memoryBytes: memory * 2 ** 20 };

const place = await startPlace(STORES.map(({ module }) => module), keys);
try {
  const played = [];
  for (let number = 0; number < rounds; number++) {
    const figures = Object.fromEntries(STORES.map(({ title }) => [title, {}]));
    for (let turn = 0; turn < TURNS.length; turn++) {
      const { store, durability } = TURNS[(turn + 2 * number) % TURNS.length];
      const found = await playTurn({ store, durability }, sizes, place);
      Object.assign(figures[store.title], found);
      const words = Object.entries(found).map(([operation, time]) => `${operation} ${time.toFixed(2)}`);
      console.error(`round ${number + 1} of ${rounds}, ${store.title}: ${words.join(', ')}`);
    }
    played.push(figures);
  }
  const machine = `${cpus().length} cores (${cpus()[0].model}), ${Math.round(totalmem() / 2 ** 30)} GiB, load ${loadavg()[0].toFixed(1)}`;
  console.log(`\n${machine}; ${await browserVersion()}; ${rounds} rounds, ${keys} keys of 256 B, ${memory} MiB for Henge; milliseconds\n`);
  console.log(tableOf(rows(), STORES.map(({ title }) => title), played, { 'load relaxed': 'load strict', 'put relaxed': 'put strict' }));
} finally {
  await place.end();
}

function rows() {
  return [
    ['load strict', `bulk load of ${keys}, strict`],
    ['load relaxed', `bulk load of ${keys}, relaxed`],
    ['put strict', 'put, strict'],
    ['put relaxed', 'put, relaxed'],
    ['get', 'get, one after another'],
    ['getMany', `get of ${sizes.reads} at once`],
    ['open', 'open, until the first get is answered'],
    ['sync', `first sync of ${keys}`],
  ];
}

function atLeast(option, least) {
  const number = Number(values[option]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new TypeError(`--${option} must be a whole number from ${least} on, not ${values[option]}`);
}

async function browserVersion() {
  const { context, end } = await startChromium();
  const version = `Chromium ${context.browser().version()}`;
  await end();
  return version;
}
