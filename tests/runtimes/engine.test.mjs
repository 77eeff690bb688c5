/** The guest in V8: it asks for nothing, and tests of applications have the same one as stones. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { guest } from './stones.mjs';

test('the guest imports nothing and exports its ABI, and no other version of it', async () => {
  const module = await WebAssembly.compile(await readFile(guest));
  assert.deepEqual(WebAssembly.Module.imports(module), []);
  // Symbols of the compiler's own runtime may be exported beside it.
  const exported = WebAssembly.Module.exports(module).filter(({ name }) => name === 'memory' || name.startsWith('henge_'));
  const names = exported.map(({ name, kind }) => `${kind} ${name}`).sort();
  const functions = ['henge_abi_1', 'henge_buffer', 'henge_init', 'henge_step'].map((name) => `function ${name}`);
  assert.deepEqual(names, [...functions, 'memory memory']);
});

test('the guest of henge/testing is the one that stones run', async () => {
  const shipped = await readFile(new URL('../../wasm-sdk/dist/testing/henge_guest.wasm', import.meta.url));
  assert.ok(shipped.equals(await readFile(guest)), `${guest} is another one: build both anew with cargo xtask build`);
});
