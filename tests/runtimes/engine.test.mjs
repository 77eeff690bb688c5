/** The guest in V8: it asks for nothing. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { guest } from './stones.mjs';

test('the guest imports nothing and exports just its ABI', async () => {
  const module = await WebAssembly.compile(await readFile(guest));
  assert.deepEqual(WebAssembly.Module.imports(module), []);
  const exported = WebAssembly.Module.exports(module).filter(({ kind }) => kind !== 'global');
  const names = exported.map(({ name }) => name).sort();
  assert.deepEqual(names, ['henge_abi_1', 'henge_buffer', 'henge_init', 'henge_step', 'memory']);
});
