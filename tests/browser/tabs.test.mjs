/**
 * Tabs of one origin share a store. They are opened, closed and killed at random while all of them write:
 * what was acknowledged reaches the ring, once. `HENGE_ROUNDS` says how often that is tried.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../../wasm-sdk/dist/index.js';
import { BROWSERS } from './browsers.mjs';
import { startPlace } from './place.mjs';

const ROUNDS = Number(process.env.HENGE_ROUNDS ?? 2);
const TABS = 10;

let place;
let stones;
let site;
let ring;
let browser;

before(async () => {
  place = await startPlace();
  ({ stones, site, ring } = place);
});

after(() => place?.end());

test('a write that is applied twice would be seen', async () => {
  for (const url of stones.urls.slice(0, 2)) {
    const store = await connect(url);
    await store.put('twice', 'v', { w: 'all' });
    await store.close();
  }
  assert.deepEqual((await ring.getEntry('twice', { r: 'all' })).siblings, ['v']);
});

for (const [name, start] of Object.entries(BROWSERS)) {
  describe(name, () => {
    before(async () => {
      browser = await start();
    });
    after(() => browser?.end());
    test('tabs see what others have written, also after the tab that leads is gone', { timeout: 60_000 }, async () => {
      const [leader, second, third] = [await openTab('seen'), await openTab('seen'), await openTab('seen')];
      const kinds = await Promise.all([leader, second, third].map((tab) => tab.evaluate(() => window.store.storage)));
      assert.deepEqual(kinds.map(({ kind }) => kind), Array(3).fill('indexeddb'));
      await second.evaluate(() => window.store.put('k', { by: 'second' }));
      assert.deepEqual(await third.evaluate(() => window.store.get('k', { from: 'local' })), { by: 'second' });
      const entry = await leader.evaluate(() => window.store.getEntry('k'));
      assert.deepEqual([entry.value, entry.source, entry.siblings], [{ by: 'second' }, 'waiting', undefined]);
      const missing = await third.evaluate(() => window.store.get('none', { from: 'local' }).catch((error) => `${error.code} ${error.key} ${error.retryable}`));
      assert.equal(missing, 'UNAVAILABLE none true');
      await leader.close();
      assert.deepEqual(await third.evaluate(() => window.store.get('k')), { by: 'second' });
      await third.evaluate(() => window.store.delete('k'));
      assert.equal(await second.evaluate(() => window.store.has('k')), false);
      assert.equal(await second.evaluate(() => window.store.pending), 2);
      await Promise.all([second.close(), third.close()]);
    });

    test('the status is one object until it changes, also in a tab that follows', { timeout: 60_000 }, async () => {
      const [leader, follower] = [await openTab('status', stones.urls), await openTab('status', stones.urls)];
      const seen = await follower.evaluate(async () => {
        await window.store.put('status/first', 1, { durability: 'ring' });
        const { status } = window.store;
        let changes = 0;
        window.store.onStatus(() => (changes += 1));
        for (let n = 0; n < 20; n++) await window.store.put(`status/${n}`, n, { durability: 'ring' });
        await new Promise((resolve) => setTimeout(resolve, 300));
        return { state: status.state, isSame: window.store.status === status, changes };
      });
      assert.deepEqual(seen, { state: 'connected', isSame: true, changes: 0 });
      await Promise.all([leader.close(), follower.close()]);
    });

    test('what the ring refuses is told once in each tab, wherever it was written', { timeout: 60_000 }, async () => {
      for (const isInWorker of [false, true]) {
        const name = `refused-${isInWorker}`;
        const tabs = [await openTab(name, stones.urls, isInWorker, 'nowhere'), await openTab(name, stones.urls, isInWorker, 'nowhere')];
        for (const tab of tabs) {
          await tab.evaluate(() => {
            window.refused = [];
            window.store.onRefused(({ key, error }) => window.refused.push(`${key} ${error.code}`));
          });
        }
        for (const [index, tab] of tabs.entries()) {
          await tab.evaluate((key) => window.store.put(key, 'v', { durability: 'ring' }).catch(() => undefined), `k${index}`);
        }
        await sleep(300);
        for (const tab of tabs) {
          assert.deepEqual(await tab.evaluate(() => window.refused), ['k0 NO_SUCH_BUCKET', 'k1 NO_SUCH_BUCKET']);
          await tab.close();
        }
      }
    });

    test('a tab that closes its store leaves what it has written, and the lead, to the others', { timeout: 60_000 }, async () => {
      const [leader, follower, other] = [await openTab('left'), await openTab('left'), await openTab('left')];
      const write = (tab, label) =>
        tab.evaluate(async (label) => {
          for (let n = 0; n < 20; n++) await window.store.put(`${label}/${n}`, n, { durability: 'memory' });
          await window.store.close();
        }, label);
      await write(follower, 'follower');
      await write(leader, 'leader');
      for (const label of ['follower', 'leader']) {
        for (let n = 0; n < 20; n++) assert.equal(await other.evaluate((key) => window.store.get(key), `${label}/${n}`), n);
      }
      assert.equal(await other.evaluate(() => window.store.pending), 40);
      await Promise.all([leader, follower, other].map((tab) => tab.close()));
    });

    test('ten tabs are opened, closed and killed at random while they write', { timeout: ROUNDS * 60_000 }, () => killTabs(name, false));

    test('ten tabs, and the worker that they share, are opened, closed and killed at random while they write', { timeout: ROUNDS * 60_000 }, () =>
      killTabs(name, true));
  });
}

/** Opens tabs that write, and ends some of them in each way; with a worker that too, in each round. */
async function killTabs(name, isInWorker) {
  const heard = { acknowledged: new Map(), problems: [] };
  const how = isInWorker ? ', with a worker' : '';
  let [closed, killed, terminated] = [0, 0, 0];
  const tabs = [];
  for (let round = 0; round < ROUNDS; round++) {
    while (tabs.length < TABS) tabs.push(await openWriter(`${name}${how}/${round}-${tabs.length}`, heard, isInWorker));
    for (let ends = 0; ends < 6; ends++) {
      await sleep(100 + Math.random() * 300);
      const [victim] = tabs.splice(Math.floor(Math.random() * tabs.length), 1);
      if (ends % 2 === 0) {
        await victim.close({ runBeforeUnload: false });
        closed += 1;
      } else {
        await browser.crash(victim);
        killed += 1;
      }
    }
    for (const tab of tabs) terminated += await tab.evaluate(endWorker);
  }
  // In one round nobody may lead just then.
  assert.equal(terminated > 0, isInWorker, `${terminated} workers ended`);
  await Promise.all(tabs.map((tab) => tab.evaluate(() => void (window.isOver = true))));
  await tabs[0].evaluate(() => window.store.flush());
  await Promise.all(tabs.map((tab) => tab.close()));
  assert.deepEqual(heard.problems, []);
  for (const [key, value] of heard.acknowledged) {
    const entry = await ring.getEntry(key, { r: 'all' });
    assert.deepEqual([entry?.value, entry?.siblings], [value, undefined], key);
  }
  assert.ok(heard.acknowledged.size > ROUNDS * TABS, `${heard.acknowledged.size} writes`);
  const ends = `${closed} closed and ${killed} killed of ${TABS} tabs that write at a time${isInWorker ? `, ${terminated} workers ended` : ''}`;
  console.log(`MEASURE tabs: ${name}${how}: ${ROUNDS} rounds, ${ends}, ${heard.acknowledged.size} writes acknowledged, all on the ring once`);
}

/** Ends the worker that this tab has started, if it has; once that has been there for long enough to have another. */
async function endWorker() {
  if (!window.worker) return 0;
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  window.worker.terminate();
  return 1;
}

/** A tab that has the store `name` open, without a connection or with `urls`. */
async function openTab(name, urls, isInWorker = false, bucket = 'default') {
  const page = await browser.openTab(site.origin);
  await page.evaluate(
    async ({ name, urls, isInWorker, bucket }) => {
      const { open } = await import('/browser.js');
      const worker = isInWorker ? () => (window.worker = new Worker('/worker.js', { type: 'module' })) : undefined;
      window.store = await open({ name, worker, bucket, ...(urls && { urls }) });
    },
    { name, urls, isInWorker, bucket },
  );
  return page;
}

/** A tab that writes until it is told to stop, and tells what is acknowledged. */
async function openWriter(label, { acknowledged, problems }, isInWorker) {
  const page = await openTab(`written-${isInWorker}`, stones.urls, isInWorker);
  await page.exposeFunction('acknowledge', (key, value) => void acknowledged.set(key, value));
  await page.exposeFunction('complain', (problem) => void problems.push(problem));
  await page.evaluate((label) => {
    const write = async () => {
      for (let number = 0; !window.isOver; number++) {
        const [key, value] = [`${label}/${number}`, `v${number}`];
        await window.store.put(key, value);
        await window.acknowledge(key, value);
      }
    };
    void write().catch((error) => window.complain(`${label}: ${error.stack}`));
  }, label);
  return page;
}
