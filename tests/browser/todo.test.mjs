/** The example `examples/todo` in real browsers, over real stones that go away and come back. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'vite';

import { open } from '../../wasm-sdk/dist/index.js';
import { installExample, removeProject } from '../packaging/example.mjs';
import { Stones, until } from '../runtimes/stones.mjs';
import { BROWSERS } from './browsers.mjs';
import { openPage } from './chromium.mjs';
import { serveFiles } from './files.mjs';

const run = promisify(execFile);
const pictures = fileURLToPath(new URL('../../target/screenshots', import.meta.url));

let project;
let stones;
let site;

before(async () => {
  // A write that is applied twice, or does not say what it replaces, leaves a sibling.
  stones = await Stones.start(3, ['--policy=siblings']);
  project = await installExample('todo');
  process.env.VITE_HENGE_URLS = stones.urls.join(' ');
  await build({ root: project, logLevel: 'error' });
  const dist = join(project, 'dist');
  site = await serveFiles(dist, await readFile(join(dist, 'index.html')));
  await mkdir(pictures, { recursive: true });
});

after(async () => {
  site?.end();
  await stones?.end();
  if (project) await removeProject(project);
});

test('its types hold', async () => {
  const tsc = fileURLToPath(new URL('../../wasm-sdk/node_modules/.bin/tsc', import.meta.url));
  const checked = await run(tsc, ['-p', project]).catch((error) => error);
  assert.equal(checked.stdout, '');
});

for (const [name, start] of Object.entries(BROWSERS)) {
  test(`${name}: two tabs, stones that are gone, a reload and another device`, { timeout: 600_000 }, async () => {
    const first = await start();
    const second = await start();
    try {
      await playList({ open: () => openTab(first), elsewhere: () => openTab(second), picture: name.toLowerCase() });
    } finally {
      await first.end();
      await second.end();
    }
  });
}

/** What a user does with the list; `open` opens a tab of one device, `elsewhere` one of another. */
async function playList({ open, elsewhere, picture }) {
  const one = await open();
  const two = await open();
  await one.shows('Synced', []);

  await one.add('Buy milk');
  await one.add('Call Ada');
  await two.shows('Synced', ['Buy milk', 'Call Ada']);
  await two.tick('Buy milk');
  await two.edit('Call Ada', 'Call Grace');
  await one.shows('Synced', ['[x] Buy milk', 'Call Grace']);

  // No stone is left: what is done now is kept here, also over a reload, and seen by both tabs.
  for (const number of [0, 1, 2]) await stones.kill(number);
  await one.shows('Offline', ['[x] Buy milk', 'Call Grace']);
  await one.add('Water the plants');
  await two.add('Read a book');
  await two.tick('Call Grace');
  await one.remove('Buy milk');
  const meanwhile = ['[x] Call Grace', 'Water the plants', 'Read a book'];
  await one.shows(/^Offline · \d kept here$/, meanwhile);
  await two.shows(/^Offline · \d kept here$/, meanwhile);
  await one.picture(join(pictures, `todo-${picture}-offline.png`), 'dark');
  // The site is gone, too: the page opens from what it has kept of itself.
  site.end();
  await one.reload();
  await one.shows(/^Offline · \d kept here$/, meanwhile);

  for (const number of [0, 1, 2]) await stones.restart(number);
  await one.shows('Synced', meanwhile);
  await two.shows('Synced', meanwhile);
  assert.deepEqual(await onTheRing(), { 'Call Grace': true, 'Water the plants': false, 'Read a book': false });

  site = await serveFiles(join(project, 'dist'), await readFile(join(project, 'dist/index.html')), { port: Number(new URL(site.origin).port) });
  const other = await elsewhere();
  await other.shows('Synced', meanwhile);
  await other.picture(join(pictures, `todo-${picture}.png`));
  await other.tick('Read a book');
  await other.remove('Call Grace');
  await one.shows('Synced', ['Water the plants', '[x] Read a book']);
  await one.filter('Done');
  await one.shows('Synced', ['[x] Read a book']);
  await one.clearDone();
  await other.shows('Synced', ['Water the plants']);
  await other.remove('Water the plants');
  await one.filter('All');
  await one.shows('Synced', []);
}

/** The texts on the ring, and whether each is ticked off; nothing has a sibling. */
async function onTheRing() {
  const store = await open({ name: 'todo-check', urls: stones.urls, storage: 'memory' });
  try {
    await until('the store is connected', async () => store.status.state === 'connected');
    const found = {};
    for (const { key, value } of await store.list({ prefix: 'todo/' }).toArray()) {
      if (!key.endsWith('/text')) continue;
      const done = key.replace('/text', '/isDone');
      for (const it of [key, done]) assert.equal((await store.getEntry(it, { from: 'ring', r: 'all' }))?.siblings, undefined, it);
      assert.ok(!(value in found), `${value} is there twice`);
      found[value] = (await store.get(done)) === true;
    }
    return found;
  } finally {
    await store.close();
  }
}

/** A tab with the list, as its user sees and uses it. */
async function openTab(browser) {
  const { page, problems } = await openPage(browser.context, site.origin);
  // Firefox draws only the page in front.
  const at = async (selector) => {
    await page.bringToFront();
    return page.locator(selector);
  };
  const click = async (selector) => (await at(selector)).click();
  return {
    add: async (text) => {
      await (await at('[aria-label="What is to be done?"]')).fill(text);
      await click('.composer button:enabled');
    },
    tick: (text) => click(`input[type=checkbox][aria-label="${text}"]`),
    async edit(text, next) {
      await click(`button[title="Edit ${text}"]`);
      await (await at(`input[aria-label="Edit ${text}"]`)).fill(next);
      await page.keyboard.press('Enter');
    },
    remove: (text) => click(`[aria-label="Delete ${text}"]`),
    filter: (name) => click(`.filters button:nth-of-type(${1 + ['All', 'Open', 'Done'].indexOf(name)})`),
    clearDone: () => click('footer > button:enabled'),
    reload: () => page.reload(),
    async picture(path, colorScheme = 'light') {
      await page.bringToFront();
      // Firefox's driver has no means for that.
      await page.emulateMedia?.({ colorScheme });
      await page.screenshot({ path });
      console.log(`MEASURE screenshot ${path}`);
    },
    shows: (status, items) => shows(status, items, () => page.evaluate(look), problems),
  };
}

/** Waits until the page says `status` and has these items. */
async function shows(status, items, read, problems) {
  let seen;
  await until(`the list is ${items.join(', ')}`, async () => {
    seen = await read();
    const isStatus = status instanceof RegExp ? status.test(seen.status) : seen.status === status;
    return isStatus && JSON.stringify(seen.items) === JSON.stringify(items);
  }).catch((error) => {
    throw new Error(`${error.message}; it is ${JSON.stringify(seen)}, problems: ${problems}`);
  });
  assert.deepEqual(problems, []);
}

/** What a page shows; it runs there. */
function look() {
  const items = Array.from(document.querySelectorAll('li'), (row) => {
    const isDone = row.querySelector('input[type=checkbox]').checked;
    return (isDone ? '[x] ' : '') + row.querySelector('.text').textContent;
  });
  return { status: document.querySelector('[role=status]')?.textContent, items };
}
