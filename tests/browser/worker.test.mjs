/** A store in a worker, with its files in OPFS: what becomes of it when something ends, is cleared, full, taken or set back. */

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

test('tabs share the worker of one of them, and go on when it ends or its tab does', { timeout: 60_000 }, async () => {
  const [leader, second] = [await openStore('shared'), await openStore('shared')];
  for (const { page } of [leader, second]) assert.deepEqual(await page.evaluate(() => window.store.storage), { kind: 'opfs' });
  assert.deepEqual(await Promise.all([leader, second].map(({ page }) => page.evaluate(() => window.workers.length))), [1, 0]);
  await second.page.evaluate(() => window.store.put('k', { by: 'second' }));
  assert.deepEqual(await leader.page.evaluate(() => window.store.get('k')), { by: 'second' });
  // Long enough for a worker that does not end again and again.
  await leader.page.waitForTimeout(1_100);
  const written = second.page.evaluate(async () => {
    const receipts = [];
    for (let n = 0; n < 50; n++) receipts.push(await window.store.put(`n/${n}`, n, { durability: 'memory' }));
    return (await Promise.all(receipts.map((it) => it.until('local')))).length;
  });
  await leader.page.evaluate(() => window.workers[0].terminate());
  assert.equal(await written, 50);
  assert.equal(await leader.page.evaluate(() => window.workers.length), 2);
  assert.equal(await second.page.evaluate(() => window.store.pending), 51);
  await leader.page.close({ runBeforeUnload: false });
  await second.page.evaluate(() => window.store.put('after', 'the tab'));
  assert.deepEqual(await second.page.evaluate(() => Promise.all(['k', 'n/49', 'after'].map((key) => window.store.get(key)))), [{ by: 'second' }, 49, 'the tab']);
  assert.equal(await second.page.evaluate(() => window.workers.length), 1);
  await second.page.close();
});

test('a subscription goes on, and what it may have missed is said, when the worker ends', { timeout: 60_000 }, async () => {
  const { page } = await openStore('heard', { urls: stones.urls });
  await page.evaluate(async () => {
    window.heard = [];
    window.store.subscribe({ prefix: 'heard/' }, ({ type, key }) => window.heard.push(key ? `${type} ${key}` : type));
    while (!window.heard.includes('synced')) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    window.workers[0].terminate();
  });
  await ring.put('heard/after', 1);
  await page.waitForFunction(() => window.heard.includes('set heard/after'));
  assert.ok((await page.evaluate(() => window.heard)).includes('resync'));
  await page.close();
});

test('a worker that cannot be started is said, and what is no worker too', { timeout: 60_000 }, async () => {
  const page = await browser.context.newPage();
  await page.goto(site.origin);
  const said = await page.evaluate(async () => {
    const { open } = await import('/browser.js');
    const attempt = (options) => open({ name: 'none', ...options }).then(String, ({ name, code, message }) => [code ?? name, message].join(': '));
    return [
      await attempt({ worker: () => new Worker('/nowhere.js', { type: 'module' }) }),
      await attempt({ worker: new Worker('/worker.js', { type: 'module' }) }),
      await attempt({ worker: () => 7 }),
      await attempt({ worker: () => new Worker('/worker.js', { type: 'module' }), storage: 'memory' }),
      await attempt({ storage: 'opfs' }),
    ];
  });
  assert.match(said[0], /^UNSUPPORTED: the worker of the store could not be started .*henge\/worker of this version/);
  assert.match(said[1], /^TypeError: worker must be a function that makes one.*not an? /);
  assert.match(said[2], /^UNSUPPORTED: the function worker must return a Worker, not 7/);
  assert.match(said[3], /^TypeError: a worker has its storage itself: auto, opfs, indexeddb; not "memory"/);
  assert.match(said[4], /^STORAGE_UNAVAILABLE: no opfs here \(only dedicated workers have it; hand one in: open\(\{ worker \}\)\)/);
  // None of that keeps others from opening it.
  await page.evaluate(async () => {
    const { open } = await import('/browser.js');
    await (await open({ name: 'none' })).close();
  });
  await page.close();
});

test('a page without locks, as one without https is, keeps nothing that another tab could write over', { timeout: 60_000 }, async () => {
  const page = await browser.context.newPage();
  await page.goto(site.origin);
  const { kind, reason } = await page.evaluate(async () => {
    delete Navigator.prototype.locks;
    const { open } = await import('/browser.js');
    const store = await open({ name: 'none', worker: () => new Worker('/worker.js', { type: 'module' }) });
    await store.close();
    return store.storage;
  });
  assert.equal(kind, 'memory');
  assert.match(reason, /no indexeddb here \(tabs cannot agree on who uses it/);
  await page.close();
});

test('a store moves from IndexedDB into OPFS and back, with what waits, wherever that is cut off', { timeout: 120_000 }, async () => {
  let expected = 0;
  for (let round = 0; round < 12; round++) {
    const { page } = await openStore('moving', { isInPage: round % 2 === 0 });
    const { kind, found } = await page.evaluate(async (round) => {
      const { storage, pending } = window.store;
      for (let n = 0; n < 20; n++) await window.store.put(`moving/${round}/${n}`, 'x'.repeat(3_000));
      return { kind: storage.kind, found: pending };
    }, round);
    assert.deepEqual([kind, found], [round % 2 === 0 ? 'indexeddb' : 'opfs', expected]);
    expected += 20;
    await page.close({ runBeforeUnload: false });
    // The other one begins to move it, and is killed.
    const page2 = await browser.context.newPage();
    await page2.goto(site.origin);
    void page2.evaluate(startOpening, { name: 'moving', isInPage: round % 2 === 1 }).catch(() => undefined);
    await page2.waitForTimeout(round * 15);
    await page2.close({ runBeforeUnload: false });
  }
  const { page } = await openStore('moving', { urls: stones.urls });
  await page.evaluate(() => window.store.flush());
  await page.close();
  for (let round = 0; round < 12; round++) assert.equal((await ring.get(`moving/${round}/19`)).length, 3_000);
});

test('files that somebody else has open are left, with the reason, and with all that they hold', { timeout: 60_000 }, async () => {
  const first = await openStore('taken');
  await first.page.evaluate(async () => {
    await window.store.put('k', 'v');
    await window.store.close();
  });
  await first.page.evaluate(async () => {
    const source = `(async () => {
      const stores = await (await navigator.storage.getDirectory()).getDirectoryHandle('henge');
      globalThis.handle = await (await (await stores.getDirectoryHandle('taken')).getFileHandle('lock')).createSyncAccessHandle();
      postMessage('taken');
    })()`;
    window.thief = new Worker(URL.createObjectURL(new Blob([source])));
    await new Promise((resolve) => (window.thief.onmessage = resolve));
  });
  const second = await openStore('taken');
  const { storage, value } = await second.page.evaluate(async () => ({ storage: window.store.storage, value: await window.store.get('k') }));
  assert.equal(storage.kind, 'indexeddb');
  assert.match(storage.reason, /no opfs here \(another page or worker of this site has its files open, and kept them for 5 s\)/);
  assert.equal(value, 'v');
  await second.page.evaluate(async () => {
    await window.store.put('k2', 'v2');
    await window.store.close();
  });
  await first.page.close();
  const third = await openStore('taken');
  assert.deepEqual(
    await third.page.evaluate(async () => [window.store.storage, await window.store.get('k'), await window.store.get('k2')]),
    [{ kind: 'opfs' }, 'v', 'v2'],
  );
  await Promise.all([second.page.close(), third.page.close()]);
});

test('what waits outlives files that are cleared under the store', { timeout: 60_000 }, async () => {
  const { page, devtools } = await openStore('cleared');
  await page.evaluate(async () => {
    for (let n = 0; n < 100; n++) await window.store.put(`wcleared/${n}`, n);
  });
  await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'file_systems' });
  await page.evaluate(async () => {
    // What is written makes it look; it finds out a second later.
    await window.store.put('wcleared/100', 100);
    while (!window.store.storage.loss) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await window.store.put('wcleared/101', 101);
    }
  });
  assert.equal(await page.evaluate(() => window.store.storage.loss), 'evicted');
  await page.close({ runBeforeUnload: false });
  const later = await openStore('cleared', { urls: stones.urls });
  await later.page.evaluate(() => window.store.flush());
  await later.page.close();
  for (let n = 0; n < 102; n++) assert.equal(await ring.get(`wcleared/${n}`), n);
});

for (const isInPage of [true, false]) {
  const where = isInPage ? 'IndexedDB' : 'OPFS';
  const storageTypes = isInPage ? 'indexeddb' : 'file_systems,indexeddb';
  const prefix = `lost-${where}/`;

  test(`${where} that was evicted is noticed, and filled again from the ring`, { timeout: 60_000 }, async () => {
    const { page, devtools } = await openStore(`evicted-${where}`, { isInPage, urls: stones.urls });
    await page.evaluate(fillAndClose, prefix);
    await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes });
    await page.close();
    const later = await openStore(`evicted-${where}`, { isInPage, urls: stones.urls });
    assert.deepEqual(await later.page.evaluate(readSubscribed, prefix), { loss: 'evicted', values: [0, 1, 2, 3, 4] });
    await later.page.close();
    const last = await openStore(`evicted-${where}`, { isInPage });
    assert.equal(await last.page.evaluate(() => window.store.storage.loss), undefined);
    await last.page.close();
  });

  test(`${where} that was set back is noticed, and filled again from the ring`, { timeout: 60_000 }, async () => {
    const name = `back-${where}`;
    const { page } = await openStore(name, { isInPage, urls: stones.urls });
    await page.evaluate(async () => window.store.put('before', 1, { durability: 'ring' }));
    await page.evaluate(() => window.store.close());
    await page.evaluate(isInPage ? keepDatabase : keepFiles, name);
    const next = await openStore(name, { isInPage, urls: stones.urls });
    await next.page.evaluate(fillAndClose, prefix);
    await next.page.evaluate(isInPage ? bringDatabaseBack : bringFilesBack, { name, kept: await page.evaluate(() => window.kept) });
    await Promise.all([page.close(), next.page.close()]);
    const later = await openStore(name, { isInPage, urls: stones.urls });
    assert.deepEqual(await later.page.evaluate(readSubscribed, prefix), { loss: 'rolled-back', values: [0, 1, 2, 3, 4] });
    await later.page.close();
  });
}

test('a full storage refuses writes until there is room, and loses none that it has taken', { timeout: 120_000 }, async () => {
  const full = await startChromium();
  const { page, devtools } = await openStore('full', { context: full.context, quotaSize: 5_000_000 });
  assert.equal(await page.evaluate(() => window.store.storage.kind), 'opfs');
  await page.evaluate(() => window.store.put('wfull/before', 'kept'));
  const refused = await page.evaluate(async () => {
    const taken = (window.taken = new Set());
    let refused;
    for (let n = 0; n < 5_000 && refused?.code !== 'QUOTA_EXCEEDED'; n++) {
      const receipt = await window.store.put(`wfull/${n}`, crypto.randomUUID().repeat(250), { durability: 'memory' });
      taken.add(n);
      receipt.until('local').catch((error) => {
        taken.delete(n);
        refused = error;
      });
      // The worker says no before it answers this. When it does not keep up it may be full, and has not found out yet.
      await window.store.get('wfull/before', { from: 'local' });
      if (refused?.code === 'RATE_LIMITED') await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return refused && { code: refused.code, retryable: refused.retryable, message: refused.message };
  });
  assert.deepEqual([refused?.code, refused?.retryable], ['QUOTA_EXCEEDED', true], refused?.message);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin });
  const taken = await page.evaluate(async () => {
    await window.store.flush({ durability: 'local' });
    return [...window.taken];
  });
  await page.close();
  const later = await openStore('full', { context: full.context, urls: stones.urls });
  await later.page.evaluate(() => window.store.flush());
  await full.end();
  assert.ok(taken.length > 100, `${taken.length} writes were taken`);
  for (const n of taken) assert.equal((await ring.get(`wfull/${n}`))?.length, 9_000, `wfull/${n}`);
  assert.equal(await ring.get('wfull/before'), 'kept');
});

test('a private window has a store as long as it is open', { timeout: 60_000 }, async () => {
  const context = await browser.context.browser().newContext();
  try {
    const { page } = await openStore('private', { context, urls: stones.urls });
    await page.evaluate(() => window.store.put('wprivate/k', 'v', { durability: 'ring' }));
    assert.equal(await page.evaluate(() => window.store.get('wprivate/k', { from: 'local' })), 'v');
    assert.equal(await page.evaluate(() => window.store.storage.kind), 'opfs');
    await page.close();
  } finally {
    await context.close();
  }
  assert.equal(await ring.get('wprivate/k'), 'v');
});

/** A page with the store `name`, in a worker unless it is to be in the page, and what speaks with its developer tools. */
async function openStore(name, { isInPage = false, urls, context = browser.context, quotaSize } = {}) {
  const page = await context.newPage();
  await page.goto(site.origin);
  const devtools = await context.newCDPSession(page);
  if (quotaSize) await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize });
  await page.evaluate(startOpening, { name, isInPage, urls });
  return { page, devtools };
}

async function startOpening({ name, isInPage, urls }) {
  const { open } = await import('/browser.js');
  window.workers = [];
  const worker = () => {
    window.workers.push(new Worker('/worker.js', { type: 'module' }));
    return window.workers.at(-1);
  };
  window.store = await open({ name, ...(urls && { urls }), ...(!isInPage && { worker }) });
}

/** Writes five keys that reach the ring and are here. */
async function fillAndClose(prefix) {
  for (let n = 0; n < 5; n++) await window.store.put(prefix + n, n, { durability: 'ring' });
  // So long a note of it may wait, in the worker and in the page.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await window.store.close();
}

/** What has become of the storage, and what a listing finds once all is here again. */
async function readSubscribed(prefix) {
  const { loss } = window.store.storage;
  await new Promise((resolve) => window.store.subscribe({ prefix }, ({ type }) => type === 'synced' && resolve()));
  const values = [];
  for await (const { value } of window.store.list({ prefix, from: 'local' })) values.push(value);
  return { loss, values };
}

async function keepFiles(name) {
  const stores = await (await navigator.storage.getDirectory()).getDirectoryHandle('henge');
  window.kept = [];
  for await (const [file, handle] of (await stores.getDirectoryHandle(name)).entries()) {
    window.kept.push([file, [...new Uint8Array(await (await handle.getFile()).arrayBuffer())]]);
  }
}

async function bringFilesBack({ name, kept }) {
  const stores = await (await navigator.storage.getDirectory()).getDirectoryHandle('henge');
  await stores.removeEntry(name, { recursive: true });
  const folder = await stores.getDirectoryHandle(name, { create: true });
  for (const [file, bytes] of kept) {
    const writable = await (await folder.getFileHandle(file, { create: true })).createWritable();
    await writable.write(new Uint8Array(bytes));
    await writable.close();
  }
}

async function keepDatabase(name) {
  const database = await new Promise((resolve) => (indexedDB.open(`henge:${name}`).onsuccess = ({ target }) => resolve(target.result)));
  const chunks = database.transaction('chunks').objectStore('chunks');
  const all = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const [keys, values] = await Promise.all([all(chunks.getAllKeys()), all(chunks.getAll())]);
  database.close();
  window.kept = keys.map((key, index) => [key, [...values[index]]]);
}

async function bringDatabaseBack({ name, kept }) {
  const database = await new Promise((resolve) => (indexedDB.open(`henge:${name}`).onsuccess = ({ target }) => resolve(target.result)));
  const transaction = database.transaction('chunks', 'readwrite');
  const chunks = transaction.objectStore('chunks');
  chunks.clear();
  for (const [key, bytes] of kept) chunks.put(new Uint8Array(bytes), key);
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  database.close();
}
