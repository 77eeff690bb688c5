/** The API reference, which is made of the types and their comments. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sdk = fileURLToPath(new URL('..', import.meta.url));

test('the API reference says what the types say, and every part of it is documented', async () => {
  const made = await mkdtemp(join(tmpdir(), 'henge-api-'));
  try {
    await run(join(sdk, 'node_modules/.bin/typedoc'), ['--out', made], { cwd: sdk });
    const [fresh, kept] = await Promise.all([pages(made), pages(join(sdk, '../docs/api'))]);
    assert.deepEqual(kept, fresh, 'docs/api is not what the types say; `cargo xtask docs` renews it');
  } finally {
    await rm(made, { recursive: true, force: true });
  }
});

async function pages(folder) {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])));
}
