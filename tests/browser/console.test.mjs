/** The console in Chromium, as a person uses it. */

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Stones, until } from '../runtimes/stones.mjs';
import { openPage, startChromium } from './chromium.mjs';

let stones;
let browser;
let page;
let problems;

before(async () => {
  [stones, browser] = await Promise.all([Stones.start(3), startChromium()]);
  ({ page, problems } = await openPage(browser.context, `${stones.urls[0]}/`));
});

after(async () => {
  await browser?.end();
  await stones?.end();
});

const stone = (name) => page.locator(`#ring [data-member="${name}"]`);
const up = async (name) => (await stone(name).getAttribute('data-up')) === 'true';
const outcome = (wanted) => page.locator(`#result[data-outcome="${wanted}"]`).waitFor();

test('the ring is drawn with its three members, all up', { timeout: 30_000 }, async () => {
  for (const name of ['stone-1', 'stone-2', 'stone-3']) {
    await page.locator(`#ring [data-member="${name}"][data-up="true"]`).waitFor();
  }
  assert.equal(await page.locator('#ring .stone[data-member]').count(), 3);
  assert.match(await page.locator('#state').innerText(), /All 3 stones are up/);
  assert.equal(await page.locator('#members tbody tr').count(), 3);
  const ring = await page.evaluate(() => window.henge.ring);
  assert.equal(ring.owners.length, ring.partitions);
});

test('a key is put, read and deleted through the form', { timeout: 30_000 }, async () => {
  await page.locator('#put:enabled').waitFor();
  await page.fill('#key', 'from/the form');
  await page.fill('#value', 'a value, \u{2728}');
  await page.click('#put');
  await outcome('ok');
  const read = await fetch(`${stones.urls[1]}/v1/kv/${encodeURIComponent('from/the form')}`);
  assert.equal(await read.text(), 'a value, \u{2728}');

  await page.fill('#value', '');
  await page.click('#get');
  await page.locator('#result[data-outcome="ok"] figure.value').waitFor();
  assert.match(await page.locator('#result').innerText(), /a value, \u{2728}/u);
  assert.equal(await page.locator('#result .where li').count(), 3, 'the three owners');
  const partition = Number(await page.locator('#result').getAttribute('data-partition'));
  assert.equal(await page.locator('#ring').getAttribute('data-partition'), String(partition));

  await page.click('#delete');
  await page.locator('#result', { hasText: 'Deleted' }).waitFor();
  await page.click('#get');
  await outcome('absent');
});

test('a value that is no JSON is told, and JSON is kept as JSON', { timeout: 30_000 }, async () => {
  await page.fill('#key', 'json');
  await page.check('#kind-json');
  await page.fill('#value', '{"a":');
  await page.click('#put');
  await outcome('error');
  await page.fill('#value', '{"a": [1, null]}');
  await page.click('#put');
  await outcome('ok');
  const read = await fetch(`${stones.urls[2]}/v1/kv/json`);
  assert.equal(read.headers.get('content-type'), 'application/json');
  assert.deepEqual(await read.json(), { a: [1, null] });
});

test('a stone that is killed is shown down within 3 s, and up again when it is back', { timeout: 60_000 }, async () => {
  await stones.kill(2);
  const killed = Date.now();
  await until('stone-3 is shown down', async () => !(await up('stone-3')), 10_000);
  const seen_ms = Date.now() - killed;
  await page.locator('#state', { hasText: 'stone-3' }).waitFor();
  console.log(`MEASURE console: a killed stone is shown down after ${seen_ms} ms`);
  assert.ok(seen_ms < 3000, `${seen_ms} ms`);
  assert.equal(await up('stone-1'), true);

  await page.check('#kind-text');
  await page.fill('#key', 'meanwhile');
  await page.fill('#value', 'still');
  await page.click('#put');
  await outcome('ok');

  await stones.restart(2);
  const back = Date.now();
  await until('stone-3 is shown up', () => up('stone-3'), 10_000);
  console.log(`MEASURE console: a stone that is back is shown up after ${Date.now() - back} ms`);
});

test('the page lives on when the stone that served it is gone', { timeout: 60_000 }, async () => {
  await stones.kill(0);
  await page.locator('#ring [data-member="stone-1"][data-up="false"]').waitFor();
  await page.locator('#state', { hasText: 'served this page' }).waitFor();
  await page.locator('#put:enabled').waitFor();
  await page.fill('#key', 'without the first');
  await page.fill('#value', 'yes');
  await page.click('#put');
  await outcome('ok');
  const read = await fetch(`${stones.urls[1]}/v1/kv/${encodeURIComponent('without the first')}`);
  assert.equal(await read.text(), 'yes');
  await stones.restart(0);
  await until('stone-1 is shown up', () => up('stone-1'), 10_000);
});

test('nothing went wrong in the page, and here is how it looks', { timeout: 30_000 }, async () => {
  const path = process.env.HENGE_SCREENSHOT ?? join(tmpdir(), 'henge-console.png');
  await page.screenshot({ path, fullPage: true });
  console.log(`the console: ${path}`);
  assert.deepEqual(problems, []);
});
