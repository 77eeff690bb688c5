/**
 * Reads keys through the SDK as it is built and compares their values:
 *
 *     node read-all.mjs URL FILE
 *
 * FILE is a JSON array of pairs of key and value.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { connect } from '../../wasm-sdk/dist/index.js';

const [url, file] = process.argv.slice(2);
const pairs = JSON.parse(readFileSync(file, 'utf8'));
const store = await connect(url);
const read = await Promise.all(pairs.map(([key]) => store.get(key)));
assert.deepEqual(read, pairs.map(([, value]) => value));
await store.close();
console.log(`the SDK in Node ${process.versions.node}`);
