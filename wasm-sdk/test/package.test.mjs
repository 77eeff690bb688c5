/** What users install: the packed tarball, not this folder. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sdk = fileURLToPath(new URL('..', import.meta.url));
const tool = (name) => join(sdk, 'node_modules/.bin', name);
let app;
let installed;

before(async () => {
  app = await mkdtemp(join(tmpdir(), 'henge-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', app], { cwd: sdk });
  const packed = JSON.parse(stdout);
  const { filename } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  await mkdir(join(app, 'node_modules'));
  await run('tar', ['xzf', join(app, filename), '-C', join(app, 'node_modules')]);
  installed = join(app, 'node_modules/henge');
  await run('mv', [join(app, 'node_modules/package'), installed]);
  await mkdir(join(app, 'node_modules/@types'));
  for (const name of ['ws', 'react', 'keyv', 'keyv-6', 'unstorage', '@types/react']) {
    await symlink(join(sdk, 'node_modules', name), join(app, 'node_modules', name));
  }
});

after(() => rm(app, { recursive: true, force: true }));

async function node(name, source) {
  await writeFile(join(app, name), source);
  const { stdout } = await run(process.execPath, [join(app, name)], { cwd: app });
  return stdout.trim();
}

test('it can be imported and required, and both see one StoreError', async () => {
  const script = `connect('http://127.0.0.1:1', { timeoutMs: 50 })
    .catch((error) => console.log(error instanceof StoreError, error.code));`;
  assert.equal(await node('app.mjs', `import { connect, StoreError } from 'henge'; ${script}`), 'true OFFLINE');
  assert.equal(await node('app.cjs', `const { connect, StoreError } = require('henge'); ${script}`), 'true OFFLINE');
});

test('henge/slim says what to hand in, and henge/inline needs nothing', async () => {
  const script = `connect('http://127.0.0.1:1', { timeoutMs: 50 }).catch((error) => console.log(error.code, error.message));`;
  const slim = await node('slim.mjs', `import { connect } from 'henge/slim'; ${script}`);
  assert.match(slim, /^UNSUPPORTED .*henge\/slim brings no wasm.*connect\(url, \{ wasm \}\)/);
  const wrong = `connect('http://127.0.0.1:1', { wasm: new Uint8Array(8) }).catch((error) => console.log(error.code, error.message));`;
  assert.match(await node('wrong.mjs', `import { connect } from 'henge/slim'; ${wrong}`), /^UNSUPPORTED .*"wasm" must be henge_wasm_bg\.wasm/);
  await rm(join(installed, 'dist/henge_wasm_bg.wasm'));
  try {
    assert.match(await node('inline.mjs', `import { connect } from 'henge/inline'; ${script}`), /^OFFLINE/);
    assert.match(await node('main.mjs', `import { connect } from 'henge'; ${script}`), /^UNSUPPORTED .*henge\/inline/);
  } finally {
    await copyFile(join(sdk, 'dist/henge_wasm_bg.wasm'), join(installed, 'dist/henge_wasm_bg.wasm'));
  }
});

test('henge/testing can be imported and required, and brings its own guest', async () => {
  const script = `(async () => {
    const ring = await cluster({ nodes: 2 });
    const store = await connect(ring.urls, { WebSocket: ring.WebSocket });
    await store.put('k', 'v', { w: 'all' });
    console.log(await store.get('k'));
    await Promise.all([store.close(), ring.close()]);
  })();`;
  assert.equal(await node('ring.mjs', `import { connect } from 'henge'; import { cluster } from 'henge/testing'; ${script}`), 'v');
  assert.equal(await node('ring.cjs', `const { connect } = require('henge'); const { cluster } = require('henge/testing'); ${script}`), 'v');
});

test('henge/react, henge/keyv and henge/unstorage can be imported and required, and bring no engine', async () => {
  const names = `console.log(typeof react.useValue, typeof keyv.KeyvHenge, typeof unstorage.default);`;
  const files = ['react', 'keyv', 'unstorage'];
  const imports = files.map((name) => `import * as ${name} from 'henge/${name}';`).join('\n');
  assert.equal(await node('entries.mjs', imports + names), 'function function function');
  const requires = files.map((name) => `const ${name} = require('henge/${name}');`).join('\n');
  assert.equal(await node('entries.cjs', requires + names), 'function function function');
  for (const [name, entry] of Object.entries({ react: 'react/index.js', keyv: 'adapters/keyv.js', unstorage: 'adapters/unstorage.js' })) {
    const reached = await reachedFrom(`dist/${entry}`);
    assert.ok(!reached.some((file) => /wasm|host|open|connect/.test(file)), `henge/${name} reaches ${reached}`);
  }
});

test('nothing but henge/testing loads the guest: a page does not download it', async () => {
  for (const file of await readdir(join(installed, 'dist'), { recursive: true })) {
    if (!file.endsWith('.js') || file.startsWith('testing/')) continue;
    assert.doesNotMatch(await readFile(join(installed, 'dist', file), 'utf8'), /testing\/|henge_guest/, file);
  }
});

/** The files of the package that `entry` imports, itself first. */
async function reachedFrom(entry, reached = []) {
  if (reached.includes(entry)) return reached;
  reached.push(entry);
  const source = await readFile(join(installed, entry), 'utf8');
  for (const [, specifier] of source.matchAll(/\bfrom\s*['"](\.[^'"]+)['"]/g)) await reachedFrom(join(dirname(entry), specifier), reached);
  return reached;
}

test('its types hold in a strict program', async () => {
  await writeFile(
    join(app, 'app.mts'),
    `import { connect, type Entry, type Level, type LocalStore, open, type Status, type Store, StoreError } from 'henge';
     import { HengeProvider, useList, useValue } from 'henge/react';
     import type { ReactElement } from 'react';
     import { connect as inline } from 'henge/inline';
     import { connect as slim } from 'henge/slim';
     import { cluster, type Cluster, type ClusterOptions } from 'henge/testing';
     const asked: ClusterOptions = { nodes: 3, w: 'all', buckets: { drafts: { policy: 'siblings', ttlMs: 1 } } };
     await using ring: Cluster = await cluster(asked);
     await using near: Store = await connect(ring.urls, { WebSocket: ring.WebSocket });
     await ring.cut(0, 'clients');
     // @ts-expect-error a node is a number
     await ring.stop('stone-1');
     // @ts-expect-error no such policy
     await cluster({ policy: 'newest' });
     const store: Store = await connect(['http://a', new URL('http://b')], { r: 'quorum', w: 2, timeoutMs: 100 });
     const local: LocalStore = await open({ name: 'types' });
     const page: ReactElement = HengeProvider({ store: local });
     const value: { a: number } | undefined = useValue<{ a: number }>('k');
     const first: number | undefined = useList<number>({ prefix: 'p' }, { reverse: true })[0]?.value;
     // @ts-expect-error a list takes a selector
     useList('k');
     const name: string | undefined = await store.get<string>('k', { r: 1 });
     const entry: Entry<number> | undefined = await store.getEntry<number>(new Uint8Array(1));
     const version: string = await store.put('k', { a: 1 }, { w: 'all', ...(entry && { context: entry.context }) });
     const stop: () => void = store.onStatus((status: Status) => status.state === 'offline' && status.retryAt.getTime());
     // @ts-expect-error no such level
     const level: Level = 'most';
     // @ts-expect-error a read has no w
     await store.get('k', { w: 1 });
     const led: LocalStore = await open({ worker: () => new Worker(new URL('henge/worker', import.meta.url), { type: 'module' }) });
     const loss: 'evicted' | 'rolled-back' | undefined = led.storage.loss;
     // @ts-expect-error a worker is made when it is needed
     await open({ worker: new Worker('worker.js') });
     const wasm = new Uint8Array(1);
     await inline('http://a');
     await slim('http://a', { wasm, r: 1 });
     // @ts-expect-error the engine must be handed in
     await slim('http://a', { r: 1 });
     export { near, page, value, first, name, version, stop, level, loss, StoreError };`,
  );
  assert.equal(await complaints('app.mts'), '');
});

test('its adapters fit the types of Keyv 5 and 6 and of unstorage', async () => {
  await writeFile(
    join(app, 'adapters.mts'),
    `import { connect, open, type LocalStore, type Store } from 'henge';
     import { KeyvHenge } from 'henge/keyv';
     import hengeDriver from 'henge/unstorage';
     import { Keyv as Keyv5 } from 'keyv';
     import { Keyv as Keyv6 } from 'keyv-6';
     import { createStorage } from 'unstorage';
     const store: LocalStore = await open({ name: 'types' });
     const ring: Store = await connect('http://a');
     export const remote = [new Keyv5(new KeyvHenge(ring)), createStorage({ driver: hengeDriver({ store: ring }) })];
     export const five = new Keyv5(new KeyvHenge(store.namespace('a/')), { ttl: 1 });
     export const six = new Keyv6(new KeyvHenge(store, { namespace: 'b' }));
     export const storage = createStorage({ driver: hengeDriver({ store, base: 'b', ttl: 60 }) });
     // @ts-expect-error a driver needs a store
     hengeDriver({ base: 'b' });`,
  );
  // Their own types are not whole without those of databases.
  assert.equal(await complaints('adapters.mts', '--skipLibCheck'), '');
});

/** What the compiler of TypeScript has against `file`. */
async function complaints(file, ...more) {
  const options = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--target', 'es2022', '--module', 'nodenext'];
  const lib = ['--lib', 'es2023,dom,esnext.disposable'];
  const checked = await run(tool('tsc'), [...options, ...lib, ...more, file], { cwd: app }).catch((error) => error);
  return checked.stdout;
}

test('publint and attw find nothing', async () => {
  for (const [name, ...options] of [['publint', '--strict'], ['attw', '--pack', '.']]) {
    const checked = await run(tool(name), options, { cwd: sdk }).catch((error) => error);
    assert.equal(checked.code, undefined, `${name}: ${checked.stdout}${checked.stderr}`);
  }
});

test('a page can load it without a bundler: its script and its worker import nothing', async () => {
  for (const entry of ['browser', 'worker']) {
    const source = await readFile(join(installed, `dist/${entry}.js`), 'utf8');
    // The word alone stands in advice, too.
    assert.deepEqual(importsOf(source), [], entry);
  }
  assert.match(await readFile(join(installed, 'dist/browser.js'), 'utf8'), /new URL\("henge_wasm_bg\.wasm",import\.meta\.url\)/);
});

test('bundlers keep henge/worker, which is imported for what it does', async () => {
  const { sideEffects } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  assert.deepEqual(sideEffects, ['./dist/worker.js']);
});

const importsOf = (source) => (source.match(/\bimport\s*[("'{*\w][^;]{0,60}/g) ?? []).filter((found) => !found.startsWith("import 'henge/"));

test('it carries what it needs and nothing else', async () => {
  const files = await readdir(join(installed, 'dist'));
  assert.ok(files.includes('henge_wasm_bg.wasm'));
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  assert.deepEqual(Object.keys(dependencies), ['ws']);
  const others = (await readdir(installed)).filter((name) => !['dist', 'package.json', 'README.md'].includes(name));
  assert.deepEqual(others.filter((name) => !/^LICENSE/.test(name)), []);
});
