/** The example `examples/worker` as its README says: a Worker in workerd, a stone that dials it, and two browsers. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

import { connect, open } from '../../wasm-sdk/dist/index.js';
import { installExample, removeProject } from '../packaging/example.mjs';
import { node, program } from '../runtimes/programs.mjs';
import { freePort, Stones, until } from '../runtimes/stones.mjs';
import { startWrangler } from '../runtimes/workerd.mjs';
import { BROWSERS } from './browsers.mjs';
import { openPage } from './chromium.mjs';

let project;
let port;
let worker;
let stones;
let ring;

before(async () => {
  project = await installExample('worker');
  port = await freePort();
  await startWorker();
  const [, address] = /^\$ henge serve --edge '(\S+)'$/m.exec(await readFile(join(project, 'README.md'), 'utf8'));
  // A write that is applied twice, or does not say what it replaces, leaves a sibling.
  stones = await Stones.start(1, ['--policy=siblings', `--edge=${address.replace('8787', port)}`]);
  ring = await connect(stones.urls);
});

after(async () => {
  await ring?.close();
  await worker?.kill();
  await stones?.end();
  if (project) await removeProject(project);
});

test('the page and its script are there, and nothing else is', async () => {
  const page = await fetch(worker.url);
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  assert.match(await page.text(), /<h1>Guest book<\/h1>/);
  const script = await fetch(`${worker.url}/page.js`);
  assert.equal(script.status, 200);
  assert.match(script.headers.get('content-type'), /javascript/);
  await script.body.cancel();
  const nothing = await fetch(`${worker.url}/guests`, { method: 'POST', body: '{}' });
  assert.deepEqual([nothing.status, await nothing.text()], [404, 'There is nothing here.\n']);
});

test('what is no WebSocket is told what to do, and who does not know the secret is no stone', async () => {
  const plain = await fetch(`${worker.url}/v1/ws`);
  assert.equal(plain.status, 426);
  assert.match(await plain.text(), /open a WebSocket/);
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-protocol': 'henge.v1' };
  for (const query of ['', '?secret=', '?secret=sitting-stones']) {
    const [answer] = await once(request(`${worker.url}/v1/edge${query}`, { headers }).end(), 'response');
    assert.equal(answer.statusCode, 403, query);
    answer.destroy();
  }
});

test('two browsers sign while the stone is there, without it, and after the Worker was killed', { timeout: 600_000 }, async () => {
  const browsers = await Promise.all(Object.values(BROWSERS).map((start) => start()));
  try {
    let [one, two] = await Promise.all(browsers.map(openBook));
    await one.shows('connected', []);
    await two.shows('connected', []);

    await one.sign('Ada');
    await two.shows('connected', [['Ada', 'copy']]);
    assert.deepEqual(await onTheRing(), ['Ada']);
    await ring.put('guest:0', 'A stone');
    await one.shows('connected', [['A stone', 'copy'], ['Ada', 'copy']]);
    await two.shows('connected', [['A stone', 'copy'], ['Ada', 'copy']]);

    // What has no name in it is not taken, and what looks like a page is text.
    await one.sign('');
    await one.sign('   ');
    await one.type('n'.repeat(90));
    await two.sign('<img src=x onerror=alert(1)>');
    const before = ['A stone', 'Ada', 'n'.repeat(80), '<img src=x onerror=alert(1)>'].map((name) => [name, 'copy']);
    await one.shows('connected', before);
    await two.shows('connected', before);

    await stones.kill(0);
    await one.sign('Grace');
    await two.shows('connected', [...before, ['Grace', 'waiting']]);
    await two.sign('Edsger');
    const meanwhile = [...before, ['Grace', 'waiting'], ['Edsger', 'waiting']];
    await one.shows('connected', meanwhile);
    await two.shows('connected', meanwhile);

    // Nobody but the Durable Object can tell a newcomer now what is in the book.
    await Promise.all([one.close(), two.close()]);
    await worker.kill();
    await startWorker();
    assert.deepEqual(await newcomer(), meanwhile);

    [one, two] = await Promise.all(browsers.map(openBook));
    await one.sign('Late');
    await two.shows('connected', [...meanwhile, ['Late', 'waiting']]);
    await stones.restart(0);
    const names = [...meanwhile, ['Late']].map(([name]) => name);
    await one.shows('connected', names.map((name) => [name, 'copy']));
    await two.shows('connected', names.map((name) => [name, 'copy']));
    assert.deepEqual(await onTheRing(), names);
  } finally {
    await Promise.all(browsers.map((browser) => browser.end()));
  }
});

/** `npm run dev`, with the programs of the tests, where nobody else listens. */
async function startWorker() {
  const places = [dirname(node(26)), dirname(program('wrangler')), process.env.PATH];
  worker = await startWrangler({ project, port, command: ['npm', 'run', 'dev', '--'], env: { PATH: places.join(delimiter) } });
}

/** The names on the ring; nothing has a sibling. */
async function onTheRing() {
  const entries = await ring.list({ prefix: 'guest:' }).toArray();
  for (const { key, siblings } of entries) assert.equal(siblings, undefined, key);
  return entries.map(({ value }) => value);
}

/** What somebody reads who has never been there. */
async function newcomer() {
  const store = await open({ urls: worker.url, storage: 'memory' });
  try {
    await new Promise((resolve) => store.subscribe({ prefix: 'guest:' }, ({ type }) => type === 'synced' && resolve()));
    const entries = await store.list({ prefix: 'guest:', from: 'local' }).toArray();
    return entries.map(({ value, source }) => [value, source]);
  } finally {
    await store.close();
  }
}

/** The page, as its reader sees and uses it. */
async function openBook(browser) {
  const { page, problems } = await openPage(browser.context, worker.url);
  // Firefox draws only the page in front.
  const at = async (selector) => {
    await page.bringToFront();
    return page.locator(selector);
  };
  await page.waitForFunction(() => !document.querySelector('button').disabled);
  return {
    async sign(name) {
      await (await at('input')).fill(name);
      await (await at('button')).click();
    },
    async type(name) {
      await (await at('input')).fill('');
      await (await at('input')).click();
      await page.keyboard.type(name);
      await page.keyboard.press('Enter');
    },
    async shows(state, entries) {
      let seen;
      await until('the book', async () => {
        seen = await page.evaluate(look);
        return seen.state === state && JSON.stringify(seen.entries) === JSON.stringify(entries);
      }, 60_000).catch((error) => {
        throw new Error(`${error.message}: ${JSON.stringify(entries)}; it is ${JSON.stringify(seen)}, problems: ${problems}`);
      });
      assert.deepEqual(problems, []);
    },
    close: () => page.close(),
  };
}

/** What the page shows, as far as it is as grey as it should be; it runs there. */
function look() {
  const isGrey = (item) => getComputedStyle(item).opacity === '0.6';
  const entries = Array.from(document.querySelectorAll('li'), (item) => [
    item.textContent,
    isGrey(item) === (item.className === 'waiting') ? item.className : `${item.className}, and should not look so`,
  ]);
  return { state: document.querySelector('output').textContent, entries };
}
