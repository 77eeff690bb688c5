/** The SDK in Chromium: the build that the stones serve, and the installed tarball. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { Stones } from '../runtimes/stones.mjs';
import { cases } from '../runtimes/conformance.mjs';
import { openPage, startChromium } from './chromium.mjs';

let stones;
let browser;
let project;
let files;
let page;

before(async () => {
  [stones, browser, project] = await Promise.all([Stones.start(3), startChromium(), installTarball()]);
  files = await serve(join(project, 'node_modules/henge/dist'));
  ({ page } = await openPage(browser.context, `${stones.urls[1]}/`));
  await page.exposeFunction('restartStone', async () => {
    await stones.kill(0);
    await stones.restart(0);
  });
  const source = await readFile(new URL('../runtimes/conformance.mjs', import.meta.url), 'utf8');
  await page.evaluate(async (text) => {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    window.conformance = await import(url);
  }, source);
});

after(async () => {
  files?.close();
  await browser?.end();
  await stones?.end();
  if (project) await removeProject(project);
});

const builds = {
  'as the stones serve it': () => `${stones.urls[1]}/sdk/browser.js`,
  'from the tarball': () => `http://127.0.0.1:${files.address().port}/browser.js`,
};

for (const [build, url] of Object.entries(builds)) {
  describe(`Chromium, ${build}`, () => {
    for (const [index, { name }] of cases.entries()) {
      test(name, { timeout: 60_000 }, async () => {
        const problem = await page.evaluate(
          async ({ index, url, urls }) => {
            try {
              const henge = await import(url);
              await window.conformance.cases[index].run({ henge, urls, restart: window.restartStone });
            } catch (error) {
              return `${error.name}: ${error.message}\n${error.stack}`;
            }
          },
          { index, url: url(), urls: stones.urls },
        );
        assert.equal(problem, undefined);
      });
    }
  });
}

test('a thousand keys read in the page are what HTTP says', { timeout: 60_000 }, async () => {
  const keys = Array.from({ length: 1000 }, (_, n) => `thousand/${n}`);
  const values = keys.map((key, n) => ({ key, n, text: 'x'.repeat(n % 300) }));
  await inSteps(keys, 50, async (key, n) => {
    const put = await fetch(`${stones.urls[n % 3]}/v1/kv/${encodeURIComponent(key)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(values[n]),
    });
    assert.equal(put.status, 204);
  });
  const { read, took_ms } = await page.evaluate(
    async ({ url, keys }) => {
      const { connect } = await import(url);
      const store = await connect(location.origin);
      const began = performance.now();
      const read = await Promise.all(keys.map((key) => store.get(key)));
      const took_ms = performance.now() - began;
      await store.close();
      return { read, took_ms };
    },
    { url: builds['as the stones serve it'](), keys },
  );
  console.log(`MEASURE page: 1,000 keys read in Chromium within ${took_ms.toFixed(0)} ms`);
  const told = await inSteps(keys, 50, async (key, n) => {
    return (await fetch(`${stones.urls[(n + 1) % 3]}/v1/kv/${encodeURIComponent(key)}`)).json();
  });
  assert.deepEqual(read, told);
  assert.deepEqual(read, values);
});

/** Runs `act` on every item, `width` at a time, and returns what it gives. */
async function inSteps(items, width, act) {
  const results = [];
  for (let at = 0; at < items.length; at += width) {
    results.push(...(await Promise.all(items.slice(at, at + width).map((item, i) => act(item, at + i)))));
  }
  return results;
}

/** A file server for pages of other origins. */
async function serve(folder) {
  const types = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://files').pathname);
    const type = types[extname(path)];
    const body = type && (await readFile(join(folder, path)).catch(() => undefined));
    response.writeHead(body ? 200 : 404, { 'access-control-allow-origin': '*', ...(body && { 'content-type': type }) });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
