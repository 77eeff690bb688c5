/** The medium of OPFS keeps the contract of the core's storage, in a worker of Chromium. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { startChromium } from './chromium.mjs';
import { serveFiles } from './files.mjs';

let project;
let site;
let browser;
let page;

before(async () => {
  project = await installTarball();
  site = await serveFiles(join(project, 'node_modules/henge/dist'));
  browser = await startChromium();
  page = await browser.context.newPage();
  await page.goto(site.origin);
});

after(async () => {
  await browser?.end();
  site?.end();
  if (project) await removeProject(project);
});

test('what is synced is there when it is opened again, in every way to read it', async () => {
  const seen = await inWorker(async ({ at, same, pattern }) => {
    let medium = await at('kept');
    same(await medium.open(), []);
    const whole = [];
    for (let round = 0; round < 30; round++) {
      const bytes = pattern(round * 97 + 1, round);
      await medium.append('log-1', whole.length, bytes);
      whole.push(...bytes);
      same([...(await medium.read('log-1', 0, 1_000_000))], whole);
      if (round % 3 === 0) await medium.sync('log-1');
    }
    await medium.sync('log-1');
    for (const [length, seed] of [[10, 1], [10, 2], [7, 3]]) await medium.replace('manifest-1', pattern(length, seed));
    await medium.close();
    medium = await at('kept');
    const lengths = Object.fromEntries((await medium.open()).map(({ name, length }) => [name, length]));
    same(lengths, { 'log-1': whole.length, 'manifest-1': 7 });
    same([...(await medium.read('manifest-1', 0, 100))], [...pattern(7, 3)]);
    same([...(await medium.read('manifest-1', 5, 100))], [...pattern(7, 3)].slice(5));
    for (const [offset, length] of [[0, 1], [1, 500], [500, 20_000], [whole.length - 3, 10], [whole.length, 5]]) {
      same([...(await medium.read('log-1', offset, length))], whole.slice(offset, offset + length));
    }
    await medium.close();
    return whole.length;
  });
  assert.ok(seen > 40_000);
});

test('a file is cut and removed for good, and an append elsewhere than at its end is refused', async () => {
  const refused = await inWorker(async ({ at, same, pattern }) => {
    let medium = await at('cut');
    for (const name of ['log-1', 'log-2']) {
      await medium.append(name, 0, pattern(40_000, 1));
      await medium.sync(name);
    }
    await medium.replace('manifest-1', pattern(9, 1));
    const refused = [];
    for (const [name, offset] of [['log-1', 7], ['manifest-1', 9]]) {
      await medium.append(name, offset, pattern(1, 1)).catch(({ message }) => refused.push(message));
    }
    await medium.truncate('log-1', 123);
    await medium.remove('log-2');
    await medium.remove('log-3');
    await medium.remove('manifest-1');
    await medium.close();
    medium = await at('cut');
    same(await medium.open(), [{ name: 'log-1', length: 123 }]);
    same([...(await medium.read('log-1', 0, 1_000))], [...pattern(40_000, 1).subarray(0, 123)]);
    await medium.append('log-1', 123, pattern(3, 3));
    same((await medium.read('log-1', 0, 1_000)).length, 126);
    await medium.close();
    return refused;
  });
  assert.match(refused[0], /log-1 has 40000 bytes, not 7/);
  assert.match(refused[1], /manifest-1 was replaced/);
});

test('a replacement that was cut off anywhere leaves what was there before, or the new', async () => {
  const outcomes = await inWorker(async ({ at, folder, write, pattern }) => {
    const [old, next] = [pattern(500, 1), pattern(700, 2)];
    const outcomes = { old: 0, next: 0, other: 0 };
    // The slot of the third replacement is written over that of the first.
    for (let cut = 0; cut <= 748; cut += 11) {
      let medium = await at(`torn-${cut}`);
      for (const bytes of [pattern(900, 0), old, next]) await medium.replace('manifest-1', bytes);
      await medium.close();
      const there = await folder(`torn-${cut}`);
      const file = await (await there.getFileHandle('manifest-1.0')).getFile();
      const torn = new Uint8Array(await file.arrayBuffer());
      torn.fill(0xee, cut);
      await write(there, 'manifest-1.0', torn);
      medium = await at(`torn-${cut}`);
      const [{ length } = {}] = await medium.open();
      const bytes = await medium.read('manifest-1', 0, 1_000);
      const is = (other) => length === other.length && bytes.join() === other.join();
      outcomes[is(old) ? 'old' : is(next) ? 'next' : 'other'] += 1;
      await medium.close();
    }
    return outcomes;
  });
  assert.deepEqual(outcomes, { old: 68, next: 1, other: 0 });
});

test('more files than handles may be open are read and written', async () => {
  const read = await inWorker(async ({ at, pattern }) => {
    let medium = await at('many');
    const names = Array.from({ length: 150 }, (_, n) => `table-${n}`);
    await Promise.all(names.map((name, n) => medium.append(name, 0, pattern(100 + n, n)).then(() => medium.sync(name))));
    await medium.close();
    medium = await at('many');
    const read = await Promise.all(names.map(async (name, n) => (await medium.read(name, 0, 1_000)).join() === pattern(100 + n, n).join()));
    await medium.close();
    return read;
  });
  assert.deepEqual(read, Array(150).fill(true));
});

test('files that are taken are waited for, and not for ever', { timeout: 30_000 }, async () => {
  const { waited, problem } = await inWorker(async ({ at }) => {
    const first = await at('taken');
    setTimeout(() => first.close(), 700);
    const began = performance.now();
    const second = await at('taken');
    const waited = performance.now() - began;
    const problem = await at('taken').catch(({ code, retryable, message }) => ({ code, retryable, message }));
    await second.close();
    return { waited, problem };
  });
  assert.ok(waited > 600 && waited < 4_000, `${waited} ms`);
  assert.deepEqual([problem.code, problem.retryable], ['STORAGE_UNAVAILABLE', true]);
  assert.match(problem.message, /has its files open, and kept them for 5 s/);
});

/** Runs `work` in a worker of the page, with what it needs. */
function inWorker(work) {
  const source = `
    import { OpfsMedium } from '${site.origin}/media/opfs.js';
    const folder = async (name) => (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
    const at = async (name) => OpfsMedium.at(() => folder(name), (file) => file.createSyncAccessHandle());
    const pattern = (length, seed) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed * 7) % 251);
    const same = (value, expected) => {
      if (JSON.stringify(value) !== JSON.stringify(expected)) throw new Error(JSON.stringify(value) + ' is not ' + JSON.stringify(expected));
    };
    const write = async (folder, name, bytes) => {
      const handle = await (await folder.getFileHandle(name)).createSyncAccessHandle();
      handle.truncate(0);
      handle.write(bytes, { at: 0 });
      handle.close();
    };
    try {
      postMessage({ value: await (${work})({ at, folder, write, pattern, same }) });
    } catch (error) {
      postMessage({ problem: String(error?.stack ?? error) });
    }`;
  return page.evaluate(async (source) => {
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const worker = new Worker(url, { type: 'module' });
    const { value, problem } = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    worker.terminate();
    if (problem) throw new Error(problem);
    return value;
  }, source);
}
