/** Pages that play the cases: as they are, by Vite, and as one file by esbuild. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build as esbuild } from 'esbuild';
import { build as viteBuild, createServer } from 'vite';

import { serveFiles } from '../browser/files.mjs';

/** The tarball's files, imported by path as a page without a bundler does. */
export async function plainPage({ project }) {
  await writeFile(join(project, 'plain.mjs'), script('/node_modules/henge/dist/browser.js'));
  return serveFiles(project, html('<script type="module" src="/plain.mjs"></script>'));
}

/** The same with the stores in a worker of the page's. */
export async function plainWorkerPage({ project }) {
  await writeFile(join(project, 'plain-worker.mjs'), workerScript('/node_modules/henge/dist/browser.js', "'/node_modules/henge/dist/worker.js'"));
  return serveFiles(project, html('<script type="module" src="/plain-worker.mjs"></script>'));
}

/** The same with a ring inside of the page. */
export async function plainTestingPage({ project }) {
  await writeFile(join(project, 'testing.mjs'), TESTING);
  return serveFiles(project, html('<script type="module" src="/testing.mjs"></script>'));
}

/** Vite's development server. */
export async function viteDev({ project }) {
  await viteSources(project);
  return startVite(project);
}

/** What Vite builds, served as files. */
export async function viteBuilt({ project }) {
  await viteSources(project);
  await viteBuild({ ...viteOptions(project), build: { outDir: 'built', emptyOutDir: true } });
  return serveFiles(join(project, 'built'), await readFile(join(project, 'built/index.html')));
}

/** What Vite builds of a page with a worker, which it finds by its name in the package. */
export async function viteWorkerBuilt({ project }) {
  await viteSources(project, workerScript('henge', "new URL('henge/worker', import.meta.url)"));
  await viteBuild({ ...viteOptions(project), build: { outDir: 'built-worker', emptyOutDir: true } });
  return serveFiles(join(project, 'built-worker'), await readFile(join(project, 'built-worker/index.html')));
}

/** The same by its development server. */
export async function viteWorkerDev({ project }) {
  await viteSources(project, workerScript('henge', "new URL('henge/worker', import.meta.url)"));
  return startVite(project);
}

/** A page whose own worker, as Vite builds it, opens the stores and plays the cases. */
export async function viteInWorker({ project }) {
  await writeFile(join(project, 'player.mjs'), script('henge').replace('location.search', 'self.name'));
  await viteSources(project, "new Worker(new URL('./player.mjs', import.meta.url), { type: 'module', name: location.search });");
  await viteBuild({ ...viteOptions(project), build: { outDir: 'built-inside', emptyOutDir: true } });
  return serveFiles(join(project, 'built-inside'), await readFile(join(project, 'built-inside/index.html')));
}

/** Two scripts made by esbuild: the page with everything in it, and its worker. */
export async function esbuildWorker({ project }) {
  await writeFile(join(project, 'page.mjs'), workerScript('henge/inline', "'/worker.js'"));
  await writeFile(join(project, 'worker.mjs'), "import 'henge/worker';\n");
  const outdir = join(project, 'bundle-worker');
  const { warnings } = await esbuild({
    absWorkingDir: project,
    entryPoints: ['page.mjs', 'worker.mjs'],
    bundle: true,
    minify: true,
    format: 'esm',
    outdir,
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
  return serveFiles(outdir, html('<script type="module" src="/page.js"></script>'));
}

/** One script made by esbuild, with nothing beside it. */
export async function esbuildInline({ project }) {
  await writeFile(join(project, 'inline.mjs'), script('henge/inline'));
  const outdir = join(project, 'bundle');
  const { warnings } = await esbuild({
    absWorkingDir: project,
    entryPoints: ['inline.mjs'],
    bundle: true,
    minify: true,
    format: 'iife',
    outdir,
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
  return serveFiles(outdir, html('<script src="/inline.js"></script>'));
}

/** Opens a page in a browser; `context()` is where. */
export const inBrowser = (context, makePage) => async (at) => {
  const site = await makePage(at);
  try {
    const page = await context().newPage();
    await page.goto(`${site.origin}/?desk=${at.desk.url}`);
    return {
      async end() {
        await page.close();
        await site.end();
      },
    };
  } catch (error) {
    await site.end();
    throw error;
  }
};

async function startVite(project) {
  const server = await createServer({ ...viteOptions(project), server: { host: '127.0.0.1', port: 0 } });
  await server.listen();
  return { origin: new URL(server.resolvedUrls.local[0]).origin, end: () => server.close() };
}

function script(henge) {
  return `import * as henge from '${henge}';
    import * as files from '${snapshotOf(henge)}';
    import { play } from './play.mjs';
    play({ ...henge, ...files }, new URLSearchParams(location.search).get('desk'));\n`;
}

/** The same with every store in a worker of the script `worker`. */
function workerScript(henge, worker) {
  return `import * as sdk from '${henge}';
    import * as files from '${snapshotOf(henge)}';
    import { play } from './play.mjs';
    import { inWorker } from './in-worker.mjs';
    const henge = inWorker({ ...sdk, ...files }, () => new Worker(${worker}, { type: 'module' }));
    play(henge, new URLSearchParams(location.search).get('desk'));\n`;
}

/** Where what goes with the package `henge` has its snapshots. */
const snapshotOf = (henge) => (henge.startsWith('/') ? '/node_modules/henge/dist/snapshot/index.js' : 'henge/snapshot');

const TESTING = `import * as sdk from '/node_modules/henge/dist/browser.js';
  import * as files from '${snapshotOf('/')}';
  import { cluster } from '/node_modules/henge/dist/testing/index.js';
  import { inMemory } from './memory.mjs';
  import { play } from './play.mjs';
  const { henge, ring } = await inMemory({ ...sdk, ...files }, cluster);
  play(henge, new URLSearchParams(location.search).get('desk'), ring);`;

/** A page that tells the desk what it stumbles over. */
function html(scripts) {
  return `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script>
  const desk = new URLSearchParams(location.search).get('desk');
  const fail = (event) => {
    const words = event.reason?.stack ?? event.message ?? \`\${event.target.src} could not be loaded\`;
    fetch(\`\${desk}/failed\`, { method: 'POST', body: JSON.stringify(words) });
  };
  addEventListener('error', fail, true);
  addEventListener('unhandledrejection', fail);
</script>
<body>${scripts}
`;
}

async function viteSources(project, main = script('henge')) {
  await writeFile(join(project, 'main.mjs'), main);
  await writeFile(join(project, 'index.html'), html('<script type="module" src="/main.mjs"></script>'));
}

const viteOptions = (project) => ({ root: project, configFile: false, logLevel: 'error', clearScreen: false });
