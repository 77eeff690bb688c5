/** The packed tarball does the same in every runtime and through every bundler, against real stones, and those in memory. */

import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startChromium } from '../browser/chromium.mjs';
import { startFirefox } from '../browser/firefox.mjs';
import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { cases } from './conformance.mjs';
import { Desk } from './desk.mjs';
import {
  esbuildInline,
  esbuildWorker,
  inBrowser,
  plainPage,
  plainTestingPage,
  plainWorkerPage,
  viteBuilt,
  viteDev,
  viteInWorker,
  viteWorkerBuilt,
  viteWorkerDev,
} from './pages.mjs';
import { node, program, startScript } from './programs.mjs';
import { Stones } from './stones.mjs';
import { startWorker } from './workerd.mjs';

const DENO_RIGHTS = ['--allow-read', '--allow-write=.henge', '--allow-env', '--allow-net=127.0.0.1', '--no-prompt', '--no-remote', '--node-modules-dir=manual'];
const CASES = ['conformance.mjs', 'conformance-local.mjs', 'conformance-ring.mjs', 'expect.mjs', 'in-worker.mjs', 'memory.mjs', 'play.mjs'];
const CHROMIUM = /Chrome\//;

let project;
let stones;
let chromium;
let firefox;

before(async () => {
  // One after the other: what has started is ended also when the next cannot.
  stones = await Stones.start(3);
  project = await installTarball();
  chromium = await startChromium();
  firefox = await startFirefox();
  for (const file of CASES) await copyFile(new URL(file, import.meta.url), join(project, file));
});

after(async () => {
  await firefox?.end();
  await chromium?.end();
  await stones?.end();
  if (project) await removeProject(project);
});

script('Node 20', /^Node\.js\/20\b/, () => [node(20)], ['import', 'require', 'inline', 'slim', 'testing']);
script('Node 26', /^Node\.js\/26\b/, () => [node(26)], ['import', 'require', 'testing']);
script('Deno', /^Deno\//, () => [program('deno'), 'run', ...DENO_RIGHTS], ['import', 'require', 'testing']);
script('Bun', /^Bun\//, () => [program('bun'), 'run'], ['import', 'require', 'testing']);
conforms('workerd through wrangler', /^Cloudflare-Workers$/, startWorker);
conforms('Firefox, a page without a bundler', /Firefox\//, inBrowser(() => firefox.context, plainPage));
conforms('Firefox, one script by esbuild with henge/inline', /Firefox\//, inBrowser(() => firefox.context, esbuildInline));
conforms('Chromium, one script by esbuild with henge/inline', CHROMIUM, inBrowser(() => chromium.context, esbuildInline));
conforms('Chromium, a ring inside of a page', CHROMIUM, inBrowser(() => chromium.context, plainTestingPage));
conforms('Chromium, a page built by Vite', CHROMIUM, inBrowser(() => chromium.context, viteBuilt));
conforms("Chromium, Vite's development server", CHROMIUM, inBrowser(() => chromium.context, viteDev));
conforms('Chromium, a page with henge/worker, built by Vite', CHROMIUM, inBrowser(() => chromium.context, viteWorkerBuilt));
conforms("Chromium, a page with henge/worker, Vite's development server", CHROMIUM, inBrowser(() => chromium.context, viteWorkerDev));
conforms('Chromium, a page with henge/inline and henge/worker, two scripts by esbuild', CHROMIUM, inBrowser(() => chromium.context, esbuildWorker));
conforms("Chromium, a page's own worker, built by Vite", CHROMIUM, inBrowser(() => chromium.context, viteInWorker));
conforms('Firefox, a page with henge/worker without a bundler', /Firefox\//, inBrowser(() => firefox.context, plainWorkerPage));

/** Tests in a program, for each way to load the package. */
function script(name, agent, command, ways) {
  for (const way of ways) conforms(`${name}, ${way}`, agent, (at) => startScript(command(), way, at));
}

/** Tests for every case in the runtime that `start` starts and that calls itself `agent`. */
function conforms(name, agent, start) {
  describe(name, () => {
    let desk;
    let running;
    before(async () => {
      desk = await Desk.open(stones);
      running = await start({ desk, project });
    });
    after(async () => {
      await running?.end();
      await desk?.close();
    });
    test('the runtime is what it should be', async () => {
      const said = await desk.agent();
      assert.match(said, agent);
      console.log(`RUNTIME ${name}: ${said}`);
    });
    for (const [index, { name }] of cases.entries()) test(name, () => desk.outcome(index));
  });
}
