/** The installed tarball in Node, by import and by require, against real stones. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { cases } from '../runtimes/conformance.mjs';
import { Stones } from '../runtimes/stones.mjs';
import { installTarball, removeProject } from './tarball.mjs';

let project;
let stones;

before(async () => {
  [project, stones] = await Promise.all([installTarball(), Stones.start(3)]);
});

after(async () => {
  await stones?.end();
  if (project) await removeProject(project);
});

const ways = {
  async import() {
    const entry = join(project, 'entry.mjs');
    await writeFile(entry, "export * from 'henge';\n");
    return import(pathToFileURL(entry));
  },
  require: () => createRequire(join(project, 'entry.cjs'))('henge'),
};

for (const [way, load] of Object.entries(ways)) {
  describe(`Node ${process.versions.node}, ${way}`, () => {
    for (const { name, run } of cases) {
      test(name, { timeout: 60_000 }, async () => {
        await run({ henge: await load(), urls: stones.urls, restart });
      });
    }
  });
}

test('the tarball has what it needs and nothing of the workshop', async () => {
  const manifest = JSON.parse(await readFile(join(project, 'node_modules/henge/package.json'), 'utf8'));
  assert.equal(manifest.name, 'henge');
  assert.deepEqual(Object.keys(manifest.dependencies ?? {}), ['ws']);
  for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/henge_wasm_bg.wasm', 'README.md']) {
    assert.ok((await readFile(join(project, 'node_modules/henge', file))).length > 0, file);
  }
  await assert.rejects(readFile(join(project, 'node_modules/henge/Cargo.toml')));
});

async function restart() {
  await stones.kill(0);
  await stones.restart(0);
}
