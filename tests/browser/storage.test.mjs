/** What becomes of a store when its storage is cleared under it, is full, is that of a private window, or is not there. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS, INSECURE_HOST } from './browsers.mjs';
import { startPlace } from './place.mjs';

/** Of what a site may store; the least that Firefox knows. */
const QUOTA_BYTES = 10 * 2 ** 20;

let place;
let stones;
let site;
let ring;

before(async () => {
  place = await startPlace();
  ({ stones, site, ring } = place);
});

after(() => place?.end());

for (const [name, start] of Object.entries(BROWSERS)) {
  describe(name, () => {
    let browser;
    before(async () => {
      browser = await start();
    });
    after(() => browser?.end());

    test('what waits outlives a storage that is cleared under the store', { timeout: 60_000 }, async () => {
      const prefix = `${name}/cleared`;
      const [leader, follower] = [await openStore(browser, { name: 'cleared' }), await openStore(browser, { name: 'cleared' })];
      await leader.evaluate(async (prefix) => {
        for (let n = 0; n < 100; n++) await window.store.put(`${prefix}/${n}`, n);
        localStorage.setItem('cleared', 'not yet');
      }, prefix);
      await leader.evaluate(() => fetch('/clear'));
      assert.equal(await leader.evaluate(() => localStorage.getItem('cleared')), null);
      // These find out, and what is asked meanwhile waits.
      const write = async ({ prefix, from }) => {
        const began = performance.now();
        const receipts = [];
        for (let n = from; n < from + 100; n++) receipts.push(window.store.put(`${prefix}/${n}`, n, { durability: 'memory' }));
        await Promise.all((await Promise.all(receipts)).map((receipt) => receipt.until('local')));
        const read = await Promise.all([7, from + 50].map((n) => window.store.get(`${prefix}/${n}`)));
        return { read, took_ms: performance.now() - began };
      };
      const [led, followed] = await Promise.all([leader.evaluate(write, { prefix, from: 100 }), follower.evaluate(write, { prefix, from: 200 })]);
      console.log(`MEASURE storage: ${name}: durable again ${led.took_ms.toFixed(0)} ms after it was cleared, ${followed.took_ms.toFixed(0)} ms for a tab that follows`);
      assert.deepEqual([led.read, followed.read], [[7, 150], [7, 250]]);
      assert.equal(await leader.evaluate(() => window.store.pending), 300);
      await Promise.all([leader.close(), follower.close()]);
      const later = await openStore(browser, { name: 'cleared', urls: stones.urls });
      await later.evaluate(() => window.store.flush());
      for (let n = 0; n < 300; n++) assert.equal(await ring.get(`${prefix}/${n}`), n);
    });

    test('a full storage refuses writes until there is room, and loses none that it has taken', { timeout: 120_000 }, async () => {
      await withBrowser(start({ quotaBytes: QUOTA_BYTES }), async (browser) => {
        const prefix = `${name}/full`;
        const page = await browser.openTab(site.origin);
        // Before the store is open: browsers remember for seconds how much room there was.
        await page.evaluate(takeRoom);
        await openIn(page, { name: 'full' });
        await page.evaluate((prefix) => window.store.put(`${prefix}/before`, 'kept'), prefix);
        const refused = await page.evaluate(async (prefix) => {
          const value = 'x'.repeat(9_000);
          window.taken = [];
          for (let n = 0; n < 20_000; n++) {
            try {
              await window.store.put(`${prefix}/${n}`, value + n, { durability: 'memory' });
              window.taken.push(n);
            } catch (error) {
              if (error.code !== 'RATE_LIMITED') return { code: error.code, retryable: error.retryable, message: error.message };
              // It does not keep up; it may be full, and has not found out yet.
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          }
          return undefined;
        }, prefix);
        assert.deepEqual([refused?.code, refused?.retryable], ['QUOTA_EXCEEDED', true], refused?.message);
        await page.evaluate(giveRoom);
        const taken = await page.evaluate(async (prefix) => {
          await window.store.flush({ durability: 'local' });
          for (;;) {
            try {
              await window.store.put(`${prefix}/after`, 'there is room again');
              return window.taken;
            } catch {
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          }
        }, prefix);
        assert.ok(taken.length > 10, `${taken.length} writes were taken`);
        await page.close();
        const later = await openStore(browser, { name: 'full', urls: stones.urls });
        await later.evaluate(() => window.store.flush());
        for (const n of taken) assert.equal(await ring.get(`${prefix}/${n}`), `${'x'.repeat(9_000)}${n}`, `${prefix}/${n}`);
        for (const key of ['before', 'after']) assert.equal(typeof (await ring.get(`${prefix}/${key}`)), 'string');
      });
    });

    test('a private window has a store as long as it is open', { timeout: 60_000 }, async () => {
      await withBrowser(start({ isPrivate: true }), async (browser) => {
        const key = `${name}/private`;
        const page = await openStore(browser, { name: 'private', urls: stones.urls });
        await page.evaluate((key) => window.store.put(key, 'v', { durability: 'ring' }), key);
        assert.equal(await page.evaluate((key) => window.store.get(key, { from: 'local' }), key), 'v');
        assert.equal(await page.evaluate(() => window.store.storage.kind), 'indexeddb');
        const other = await openStore(browser, { name: 'private' });
        await page.close();
        assert.equal(await other.evaluate((key) => window.store.get(key, { from: 'local' }), key), 'v');
        await browser.kill();
        await browser.restart();
        const later = await openStore(browser, { name: 'private' });
        assert.equal(await later.evaluate((key) => window.store.get(key, { from: 'local' }).catch(({ code }) => code), key), 'UNAVAILABLE');
      });
      assert.equal(await ring.get(`${name}/private`), 'v');
    });

    test('a page that may store nothing has a store in memory, and says why', { timeout: 60_000 }, async () => {
      const page = await browser.openTab(site.origin);
      await page.evaluate(async () => {
        const frame = document.createElement('iframe');
        // Without `allow-same-origin` it is of no site.
        frame.sandbox = 'allow-scripts';
        frame.src = '/';
        const isThere = new Promise((resolve) => (frame.onload = resolve));
        document.body.append(frame);
        await isThere;
      });
      const frame = page.frames()[1];
      await openIn(frame, { name: 'nowhere', urls: stones.urls }, site.origin);
      await isInMemory(frame, /tabs cannot agree .*(denied|not allowed)/);
      await frame.evaluate((key) => window.store.put(key, 'v', { durability: 'ring' }), `${name}/nowhere`);
      assert.equal(await ring.get(`${name}/nowhere`), 'v');
    });

    test('a site without locks, as it did not come by https, keeps nothing that its tabs could write at once', { timeout: 60_000 }, async () => {
      const insecure = new URL(site.origin);
      insecure.hostname = INSECURE_HOST;
      for (let tab = 0; tab < 2; tab++) {
        const page = await browser.openTab(insecure.href);
        await openIn(page, { name: 'unlocked' });
        await isInMemory(page, /tabs cannot agree .*https/);
      }
    });
  });
}

/** Uses a browser, and ends it. */
async function withBrowser(starting, work) {
  const browser = await starting;
  try {
    await work(browser);
  } finally {
    await browser.end();
  }
}

/** A page with a store. */
async function openStore(browser, options) {
  const page = await browser.openTab(site.origin);
  await openIn(page, options);
  return page;
}

async function openIn(page, options, origin = '') {
  await page.evaluate(
    async ({ options, origin }) => {
      const { open } = await import(`${origin}/browser.js`);
      window.store = await open(options);
    },
    { options, origin },
  );
}

/** The store of a page or frame is a working one, and says `why` it is in memory. */
async function isInMemory(page, why) {
  const { kind, reason } = await page.evaluate(() => window.store.storage);
  assert.equal(kind, 'memory');
  assert.match(reason, why);
  await page.evaluate(() => window.store.put('k', 'v'));
  assert.equal(await page.evaluate(() => window.store.get('k', { from: 'local' })), 'v');
}

/** In a page: stores other things until little room is left. */
async function takeRoom() {
  const folder = await navigator.storage.getDirectory();
  for (let number = 0; ; number++) {
    const file = await folder.getFileHandle(`other-${number}`, { create: true });
    try {
      const writer = await file.createWritable();
      await writer.write(new Uint8Array(256 * 1024));
      await writer.close();
    } catch (error) {
      if (error.name !== 'QuotaExceededError') throw error;
      await folder.removeEntry(`other-${number}`);
      return folder.removeEntry(`other-${number - 1}`);
    }
  }
}

/** In a page: removes what `takeRoom` has stored. */
async function giveRoom() {
  const folder = await navigator.storage.getDirectory();
  for await (const name of folder.keys()) await folder.removeEntry(name);
}
