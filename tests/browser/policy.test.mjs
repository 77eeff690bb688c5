/** The content security policy that the guide names is enough, and no looser than it must be. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { Stones } from '../runtimes/stones.mjs';
import { BROWSERS } from './browsers.mjs';
import { serveFiles } from './files.mjs';

let stones;
let project;
let policy;

before(async () => {
  const page = await readFile(new URL('../../docs/guide/bundlers.md', import.meta.url), 'utf8');
  const [, named] = /^```text\n(script-src .*)\n```$/m.exec(page);
  stones = await Stones.start(1);
  project = await installTarball();
  policy = `default-src 'none'; ${named.replaceAll('wss://stone.example', stones.urls[0].replace('http', 'ws'))}`;
});

after(async () => {
  await stones?.end();
  if (project) await removeProject(project);
});

for (const [name, start] of Object.entries(BROWSERS)) {
  test(`${name}: a page under the policy of the guide writes to the ring, also from a worker; without 'wasm-unsafe-eval' it says what is wrong`, { timeout: 120_000 }, async () => {
    const browser = await start();
    try {
      const work = `policy-${name}`;
      assert.deepEqual(await tryIn(browser, policy, `${work}-page`, false), ['ring', 'indexeddb']);
      assert.deepEqual(await tryIn(browser, `${policy}; worker-src 'self'`, `${work}-worker`, true), ['ring', 'opfs']);
      const [problem] = await tryIn(browser, policy.replace(" 'wasm-unsafe-eval'", ''), `${work}-none`, false);
      assert.match(problem, /^UNSUPPORTED: henge's engine could not be loaded/);
    } finally {
      await browser.end();
    }
  });
}

/** How far a write comes in a page under `policy`, and where it is kept; or what the page says. */
async function tryIn(browser, policy, name, isInWorker) {
  const headers = { 'content-security-policy': policy };
  const site = await serveFiles(join(project, 'node_modules/henge/dist'), '<!doctype html><link rel="icon" href="data:,">', { headers });
  try {
    const page = await browser.openTab(site.origin);
    return await page.evaluate(writeInPage, { name, urls: stones.urls, isInWorker });
  } finally {
    site.end();
  }
}

async function writeInPage({ name, urls, isInWorker }) {
  const { open } = await import('/browser.js');
  const worker = isInWorker ? () => new Worker('/worker.js', { type: 'module' }) : undefined;
  try {
    const store = await open({ name, urls, worker });
    const receipt = await store.put('k', 'v', { durability: 'ring' });
    return [receipt.durability, store.storage.kind];
  } catch (error) {
    return [`${error.code}: ${error.message}`];
  }
}
