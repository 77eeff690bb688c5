/** What the pages of the bench need: their code, a stone, and servers for the stores that have others. */

import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { Stones } from '../../runtimes/stones.mjs';
import { connect } from '../../../wasm-sdk/dist/index.js';
import { serveFiles } from '../files.mjs';
import { pairsOf } from './page/pairs.mjs';
import { documentServer } from './servers/documents.mjs';
import { couchServer } from './servers/couch.mjs';

const here = fileURLToPath(new URL('page', import.meta.url));
const sdk = fileURLToPath(new URL('../../../wasm-sdk/dist', import.meta.url));

/** Starts all of it, with `keys` pairs on each server; `stores` names the modules. `end()` ends what has been started. */
export async function startPlace(stores, keys) {
  const place = {};
  place.end = async () => {
    place.site?.end();
    await place.stones?.end();
    if (place.folder) await rm(place.folder, { recursive: true, force: true });
  };
  try {
    place.folder = await mkdtemp(join(tmpdir(), 'henge-bench-'));
    await bundle(stores, place.folder);
    const pairs = pairsOf('sync', 0, keys);
    place.stones = await Stones.start(1);
    await fill(place.stones.urls, pairs);
    const servers = [couchServer(COUCH, pairs), documentServer(DOCUMENTS, pairs)];
    const serve = (request, response) => servers.some((it) => it(request, response));
    place.site = await serveFiles(place.folder, PAGE, { headers: HEADERS, serve });
    place.servers = {
      stone: place.stones.urls[0],
      couch: `${place.site.origin}${COUCH}`,
      documents: `${place.site.origin}${DOCUMENTS}`,
    };
    return place;
  } catch (error) {
    await place.end();
    throw error;
  }
}

/** Makes one script of the page and one of each store, as a site would. */
async function bundle(stores, folder) {
  await build({
    entryPoints: [join(here, 'main.mjs'), ...stores.map((it) => join(here, `stores/${it}.mjs`))],
    entryNames: '[name]',
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'warning',
  });
  for (const file of ['henge_wasm_bg.wasm', 'worker.js']) await copyFile(join(sdk, file), join(folder, file));
}

async function fill(urls, pairs) {
  const ring = await connect(urls);
  try {
    await Promise.all(pairs.map(([key, value]) => ring.put(key, value, { timeoutMs: 60_000 })));
  } finally {
    await ring.close();
  }
}

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>';
const COUCH = '/couch';
const DOCUMENTS = '/documents';

/** A page that is isolated has the finest clock; its code is in the browser's cache when it comes again. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'max-age=3600, immutable',
};
