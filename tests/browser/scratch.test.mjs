/**
 * What is written in a page without a connection survives the end of the page, and reaches the ring
 * once. `HENGE_ROUNDS` says how often that is tried.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { startPlace } from './place.mjs';

const ROUNDS = Number(process.env.HENGE_ROUNDS ?? 3);

/** Writes without end if it has no addresses; takes all to the ring if it has. */
const PAGE = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="module">
  import { open } from '/browser.js';
  const asked = new URLSearchParams(location.search);
  const tell = (told) => fetch(asked.get('desk'), { method: 'POST', body: JSON.stringify({ run: asked.get('run'), told }) });
  try {
    const urls = asked.get('urls')?.split(' ');
    const worker = asked.has('worker') ? () => new Worker('/worker.js', { type: 'module' }) : undefined;
    const store = await open({ name: asked.get('store'), worker, ...(urls && { urls }) });
    if (urls) {
      const before = { pending: store.pending, loss: store.storage.loss, status: store.status.state };
      await store.flush();
      const after = { pending: store.pending };
      const key = asked.get('first');
      const here = key ? await store.getEntry(key, { from: 'local' }).then((it) => it.value + ' ' + it.source + ' ' + it.version, String) : '';
      const there = key ? await store.getEntry(key, { from: 'ring' }).then((it) => it?.value + ' ' + it?.version, String) : '';
      await store.close();
      await tell({ kind: store.storage.kind, before, after, here, there });
    }
    for (let number = 0; !urls; number++) {
      const [key, value] = [asked.get('run') + '/' + number, 'v' + number];
      await store.put(key, value);
      void tell({ key, value });
    }
  } catch (error) {
    await tell({ problem: String(error?.stack ?? error) });
  }
</script>
`;

let place;
let stones;
let site;
let desk;
let ring;

before(async () => {
  place = await startPlace(PAGE);
  ({ stones, site, ring } = place);
  desk = await Desk.open();
});

after(async () => {
  await desk?.close();
  await place?.end();
});

for (const [name, start] of Object.entries(BROWSERS)) {
  for (const [where, kind] of [['', 'indexeddb'], [', by a worker into OPFS', 'opfs']]) {
    test(`${name}: tabs are closed while they write${where}, and go to the ring later`, { timeout: 60_000 + ROUNDS * 30_000 }, async () => {
      const browser = await start();
      try {
        await playRounds(`${name}, ${kind}, tab closed`, browser, kind, (tab) => tab.close({ runBeforeUnload: false }));
      } finally {
        await browser.end();
      }
    });

    test(`${name}: it is killed while a page writes${where}, and goes to the ring later`, { timeout: 60_000 + ROUNDS * 60_000 }, async () => {
      const browser = await start();
      try {
        await playRounds(`${name}, ${kind}, browser killed`, browser, kind, async () => {
          await browser.kill();
          await browser.restart();
        });
      } finally {
        await browser.end();
      }
    });
  }
}

/** Each round writes offline in a page that ends at once, as `end` says; the page after it goes online. */
async function playRounds(name, browser, kind, end) {
  let written = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const run = `${name}, round ${round}`;
    const common = { desk: desk.url, store: 'written', ...(kind === 'opfs' && { worker: 1 }) };
    const visit = (asked) => browser.openTab(`${site.origin}/?${new URLSearchParams({ ...common, ...asked })}`);
    const writer = await visit({ run });
    await desk.until(run, (it) => it.length >= 1 + round % 40);
    await end(writer);
    const acknowledged = [...desk.heard(run)];
    const sender = await visit({ run: `${run}, online`, urls: stones.urls.join(' '), first: acknowledged[0].key });
    const [{ kind: used, problem, ...more }] = await desk.until(`${run}, online`, (it) => it.length > 0);
    await sender.close();
    assert.equal(problem, undefined);
    assert.equal(used, kind); console.log(round, acknowledged.length, JSON.stringify(more));
    for (const { key, value } of acknowledged) {
      const entry = await ring.getEntry(key, { r: 'all' });
      assert.deepEqual([entry?.value, entry?.siblings], [value, undefined], key);
    }
    written += acknowledged.length;
  }
  console.log(`MEASURE local: ${name}: ${ROUNDS} rounds, ${written} writes acknowledged offline, all on the ring once`);
}

/** Where pages report. */
class Desk {
  #reports = new Map();
  #waiting = new Set();
  #server = createServer(async (request, response) => {
    const { run, told } = JSON.parse(await text(request));
    this.heard(run).push(told);
    for (const check of this.#waiting) check();
    response.setHeader('access-control-allow-origin', '*');
    response.end();
  });

  static async open() {
    const desk = new Desk();
    desk.#server.listen(0, '127.0.0.1');
    await once(desk.#server, 'listening');
    return desk;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** What page `run` has told so far. */
  heard(run) {
    if (!this.#reports.has(run)) this.#reports.set(run, []);
    return this.#reports.get(run);
  }

  /** Waits until what page `run` has told is `enough`. */
  async until(run, enough) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`page ${run} told ${JSON.stringify(this.heard(run))}, and then nothing`)), 30_000);
      const check = () => {
        const problem = this.heard(run).find((it) => it.problem);
        if (problem) reject(new Error(problem.problem));
        if (!enough(this.heard(run))) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
    return this.heard(run);
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
