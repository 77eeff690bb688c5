/** What becomes of a store when its storage is cleared under it, is full, or is that of a private window. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startChromium } from './chromium.mjs';
import { startPlace } from './place.mjs';

let place;
let stones;
let site;
let ring;
let browser;

before(async () => {
  place = await startPlace();
  ({ stones, site, ring } = place);
  browser = await startChromium();
});

after(async () => {
  await browser?.end();
  await place?.end();
});

test('what waits outlives a storage that is cleared under the store', { timeout: 60_000 }, async () => {
  const { page, devtools } = await openStore(browser.context, { name: 'cleared' });
  await page.evaluate(async () => {
    for (let n = 0; n < 100; n++) await window.store.put(`cleared/${n}`, n);
  });
  await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' });
  // These find out, and what is asked meanwhile waits.
  const read = await page.evaluate(async () => {
    const receipts = [];
    for (let n = 100; n < 200; n++) receipts.push(window.store.put(`cleared/${n}`, n, { durability: 'memory' }));
    await Promise.all((await Promise.all(receipts)).map((receipt) => receipt.until('local')));
    return Promise.all([7, 150].map((n) => window.store.get(`cleared/${n}`)));
  });
  assert.deepEqual(read, [7, 150]);
  assert.equal(await page.evaluate(() => window.store.pending), 200);
  await page.close();
  const { page: later } = await openStore(browser.context, { name: 'cleared', urls: stones.urls });
  await later.evaluate(() => window.store.flush());
  await later.close();
  for (let n = 0; n < 200; n++) assert.equal(await ring.get(`cleared/${n}`), n);
});

test('a full storage refuses writes until there is room, and loses none that it has taken', { timeout: 120_000 }, async () => {
  // Before the store is open: the browser remembers for seconds how much room there was.
  const full = await startChromium();
  const { page, devtools } = await openStore(full.context, { name: 'full' }, 100_000);
  await page.evaluate(() => window.store.put('full/before', 'kept'));
  const refused = await page.evaluate(async () => {
    const value = 'x'.repeat(9_000);
    window.taken = [];
    for (let n = 0; n < 2_000; n++) {
      try {
        await window.store.put(`full/${n}`, value + n, { durability: 'memory' });
        window.taken.push(n);
      } catch (error) {
        if (error.code !== 'RATE_LIMITED') return { code: error.code, retryable: error.retryable, message: error.message };
        // It does not keep up; it may be full, and has not found out yet.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    return undefined;
  });
  assert.deepEqual([refused?.code, refused?.retryable], ['QUOTA_EXCEEDED', true], refused?.message);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin });
  const taken = await page.evaluate(async () => {
    await window.store.flush({ durability: 'local' });
    for (;;) {
      try {
        await window.store.put('full/after', 'there is room again');
        return window.taken;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
  assert.ok(taken.length > 10, `${taken.length} writes were taken`);
  await page.close();
  const { page: later } = await openStore(full.context, { name: 'full', urls: stones.urls });
  await later.evaluate(() => window.store.flush());
  await full.end();
  for (const n of taken) assert.equal(await ring.get(`full/${n}`), `${'x'.repeat(9_000)}${n}`, `full/${n}`);
  for (const key of ['before', 'after']) assert.equal(typeof (await ring.get(`full/${key}`)), 'string');
});

test('a private window has a store as long as it is open', { timeout: 60_000 }, async () => {
  const context = await browser.context.browser().newContext();
  try {
    const { page } = await openStore(context, { name: 'private', urls: stones.urls });
    await page.evaluate(() => window.store.put('private/k', 'v', { durability: 'ring' }));
    assert.equal(await page.evaluate(() => window.store.get('private/k', { from: 'local' })), 'v');
    assert.equal(await page.evaluate(() => window.store.storage.kind), 'indexeddb');
    await page.close();
  } finally {
    await context.close();
  }
  assert.equal(await ring.get('private/k'), 'v');
});

/** A page with a store, and what speaks with its developer tools. */
async function openStore(context, options, quotaSize) {
  const page = await context.newPage();
  await page.goto(site.origin);
  const devtools = await context.newCDPSession(page);
  if (quotaSize) await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize });
  await page.evaluate(async (options) => {
    const { open } = await import('/browser.js');
    window.store = await open(options);
  }, options);
  return { page, devtools };
}
