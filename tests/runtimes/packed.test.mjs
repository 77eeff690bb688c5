/** The packed tarball does the same in every runtime and through every bundler, against real stones. */

import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { cases } from './conformance.mjs';
import { Desk } from './desk.mjs';
import { node, program, startScript } from './programs.mjs';
import { Stones } from './stones.mjs';

let project;
let stones;

before(async () => {
  [project, stones] = await Promise.all([installTarball(), Stones.start(3)]);
  for (const file of ['conformance.mjs', 'play.mjs']) await copyFile(new URL(file, import.meta.url), join(project, file));
});

after(async () => {
  await stones?.end();
  if (project) await removeProject(project);
});

for (const major of [20, 26]) {
  for (const way of ['import', 'require', 'inline', 'slim']) {
    conforms(`Node ${major}, ${way}`, new RegExp(`^Node\\.js/${major}\\b`), (at) => startScript([node(major)], way, at));
  }
}
for (const way of ['import', 'require', 'inline', 'slim']) {
  const rights = ['--allow-read', '--allow-env', '--allow-net=127.0.0.1', '--no-prompt', '--no-remote', '--node-modules-dir=manual'];
  conforms(`Deno, ${way}`, /^Deno\//, (at) => startScript([program('deno'), 'run', ...rights], way, at));
}
for (const way of ['import', 'require', 'inline', 'slim']) {
  conforms(`Bun, ${way}`, /^Bun\//, (at) => startScript([program('bun'), 'run'], way, at));
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
