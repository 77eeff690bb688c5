/**
 * What each entry of the package weighs in a page: bundled, as it is, and as servers compress it. A line each:
 * name, bytes, with gzip, with brotli. The wasm comes last.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { bundle } from './bundle.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { exports } = JSON.parse(await readFile(at('package.json'), 'utf8'));

for (const [entry, target] of Object.entries(exports)) {
  if (target.default) tell(entry.replace('.', 'henge'), await bundle(at(target.default)));
}
tell('wasm', await readFile(at('dist/henge_wasm_bg.wasm')));

function tell(name, bytes) {
  console.log(name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);
}
