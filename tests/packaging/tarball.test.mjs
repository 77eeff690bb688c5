/** What is in the tarball that users install. */

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { installTarball, removeProject } from './tarball.mjs';

let project;
before(async () => (project = await installTarball()));
after(() => project && removeProject(project));

test('the tarball has what it needs and nothing of the workshop', async () => {
  const installed = join(project, 'node_modules/henge');
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  assert.equal(manifest.name, 'henge');
  assert.deepEqual(Object.keys(manifest.dependencies ?? {}), ['ws']);
  for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/henge_wasm_bg.wasm', 'dist/testing/index.d.ts', 'dist/testing/henge_guest.wasm', 'README.md']) {
    assert.ok((await readFile(join(installed, file))).length > 0, file);
  }
  await assert.rejects(readFile(join(installed, 'Cargo.toml')));
  const sources = (await readdir(installed, { recursive: true })).filter((name) => /\.(rs|ts)$/.test(name) && !name.endsWith('.d.ts'));
  assert.deepEqual(sources, []);
});
