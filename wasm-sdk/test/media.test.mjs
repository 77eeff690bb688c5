/** Every medium keeps the contract of the core's storage. */

import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ChunkedMedium } from '../dist/media/chunks.js';
import { FileMedium } from '../dist/media/files.js';
import { isFull } from '../dist/media/medium.js';
import { memoryChunks } from '../dist/media/memory.js';

const folders = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function folder() {
  const made = await mkdtemp(join(tmpdir(), 'henge-media-'));
  folders.push(made);
  return made;
}

/** Chunks that outlive their medium, with what was asked of them. */
function keptChunks() {
  const chunks = new Map();
  const commits = [];
  const reads = [];
  const store = () => ({
    ...memoryChunks(),
    names: async () => [...chunks.keys()],
    async read(names) {
      reads.push(...names);
      return names.map((name) => chunks.get(name));
    },
    async commit(puts, removals) {
      commits.push([puts.length, removals.length]);
      for (const name of removals) chunks.delete(name);
      for (const [name, bytes] of puts) chunks.set(name, bytes.slice());
    },
  });
  return { store, chunks, commits, reads };
}

/** Each medium, and how to open the same one again. */
const media = {
  async chunks() {
    const { store } = keptChunks();
    return () => new ChunkedMedium(store());
  },
  async files() {
    const at = await folder();
    return () => new FileMedium(at);
  },
};

for (const [name, make] of Object.entries(media)) {
  describe(name, () => {
    test('what is synced is there when it is opened again, in every way to read it', async () => {
      const reopen = await make();
      let medium = reopen();
      assert.deepEqual(await medium.open(), []);
      const whole = [];
      for (let round = 0; round < 30; round++) {
        const bytes = pattern(round * 97 + 1, round);
        await medium.append('log-1', whole.length, bytes);
        whole.push(...bytes);
        assert.deepEqual([...(await medium.read('log-1', 0, 1_000_000))], whole);
        if (round % 3 === 0) await medium.sync('log-1');
      }
      await medium.sync('log-1');
      await medium.replace('manifest-1', pattern(10, 1));
      await medium.replace('manifest-1', pattern(10, 2));
      await medium.replace('manifest-1', pattern(7, 3));
      await medium.close();
      medium = reopen();
      const files = await medium.open();
      const lengths = Object.fromEntries(files.map(({ name, length }) => [name, length]));
      assert.deepEqual(lengths, { 'log-1': whole.length, 'manifest-1': 7 });
      assert.deepEqual(await medium.read('manifest-1', 0, 100), pattern(7, 3));
      for (const [offset, length] of [[0, 1], [1, 500], [500, 20_000], [whole.length - 3, 10], [whole.length, 5]]) {
        assert.deepEqual([...(await medium.read('log-1', offset, length))], whole.slice(offset, offset + length));
      }
      await medium.append('log-1', whole.length, pattern(5, 9));
      await medium.sync('log-1');
      assert.deepEqual([...(await medium.read('log-1', whole.length, 9))], [...pattern(5, 9)]);
      await medium.close();
    });

    test('a file is cut and removed for good, and an append elsewhere than at its end is refused', async () => {
      const reopen = await make();
      let medium = reopen();
      await medium.open();
      for (const name of ['log-1', 'log-2']) {
        await medium.append(name, 0, pattern(40_000, 1));
        await medium.sync(name);
        await medium.append(name, 40_000, pattern(100, 2));
        await medium.sync(name);
      }
      await assert.rejects(medium.append('log-1', 7, pattern(1, 1)), /40100 bytes, not 7/);
      await medium.truncate('log-1', 123);
      await medium.remove('log-2');
      await medium.remove('log-3');
      await medium.close();
      medium = reopen();
      assert.deepEqual(await medium.open(), [{ name: 'log-1', length: 123 }]);
      assert.deepEqual(await medium.read('log-1', 0, 1_000), pattern(40_000, 1).subarray(0, 123));
      await medium.append('log-1', 123, pattern(3, 3));
      await medium.sync('log-1');
      assert.equal((await medium.read('log-1', 0, 1_000)).length, 126);
      await medium.close();
    });
  });
}

test('a sync is one commit of little more than what is new, and small chunks become one', async () => {
  const { store, chunks, commits } = keptChunks();
  const medium = new ChunkedMedium(store());
  await medium.open();
  for (let n = 0; n < 50; n++) {
    await medium.append('log-1', n * 1_000, pattern(1_000, n));
    await medium.sync('log-1');
  }
  const last = Array.from({ length: 16 }, (_, n) => `log-1/${34_000 + n * 1_000}/1000`);
  assert.deepEqual([...chunks.keys()], ['log-1/0/17000', 'log-1/17000/17000', ...last]);
  assert.equal(commits.length, 50);
  for (let n = 0; n < 500; n++) {
    await medium.append('log-2', n, pattern(1, n));
    await medium.sync('log-2');
  }
  assert.equal([...chunks.keys()].filter((name) => name.startsWith('log-2/')).length <= 33, true);
  assert.equal((await medium.read('log-2', 0, 1_000)).length, 500);
});

test('what is large is cut into chunks that every store takes', async () => {
  const { store, chunks } = keptChunks();
  const medium = new ChunkedMedium(store());
  await medium.open();
  const large = pattern(2_500_000, 4);
  await medium.append('table-1', 0, large);
  await medium.sync('table-1');
  await medium.replace('manifest-1', large);
  await medium.replace('manifest-1', large.subarray(0, 1_100_000));
  const names = ['table-1/0/1048576', 'table-1/1048576/1048576', 'table-1/2097152/402848'];
  assert.deepEqual([...chunks.keys()].sort(), ['manifest-1/0/1048576', 'manifest-1/1048576/51424', ...names]);
  assert.deepEqual(await medium.read('table-1', 1_000_000, 200_000), large.slice(1_000_000, 1_200_000));
  assert.deepEqual(await medium.read('manifest-1', 0, 5_000_000), large.slice(0, 1_100_000));
});

test('blocks of a chunk are read with one read of it, also while as many tables are read as are merged', async () => {
  const { store, reads } = keptChunks();
  const medium = new ChunkedMedium(store());
  await medium.open();
  const bytes = pattern(100_000, 5);
  const tables = Array.from({ length: 8 }, (_, n) => `table-${n}`);
  for (const table of [...tables, 'table-8']) {
    await medium.append(table, 0, bytes);
    await medium.sync(table);
  }
  const readBlocks = () =>
    Promise.all(
      tables.flatMap((table) =>
        Array.from({ length: 10 }, async (_, n) => {
          assert.deepEqual(await medium.read(table, n * 8_192, 8_192), bytes.slice(n * 8_192, (n + 1) * 8_192));
        }),
      ),
    );
  await readBlocks();
  await readBlocks();
  assert.deepEqual(reads, tables.map((table) => `${table}/0/100000`));
  // The one that was used longest ago makes room.
  await medium.read('table-8', 0, 1);
  await medium.read('table-1', 0, 1);
  await medium.read('table-0', 0, 1);
  assert.deepEqual(reads.slice(8), ['table-8/0/100000', 'table-0/0/100000']);
});

test('a chunk that has changed under its name is read anew', async () => {
  const { store } = keptChunks();
  const medium = new ChunkedMedium(store());
  await medium.open();
  for (const seed of [1, 2]) {
    await medium.replace('manifest-1', pattern(50_000, seed));
    assert.deepEqual(await medium.read('manifest-1', 100, 9), pattern(50_000, seed).slice(100, 109));
  }
  for (const seed of [3, 4]) {
    await medium.append('log-1', 0, pattern(50_000, seed));
    await medium.sync('log-1');
    assert.deepEqual(await medium.read('log-1', 100, 9), pattern(50_000, seed).slice(100, 109));
    await medium.truncate('log-1', 0);
  }
  for (const seed of [5, 6]) {
    await medium.append('table-1', 0, pattern(50_000, seed));
    await medium.sync('table-1');
    assert.deepEqual(await medium.read('table-1', 100, 9), pattern(50_000, seed).slice(100, 109));
    await medium.remove('table-1');
  }
});

test('a chunk that is gone is a fault, not other bytes', async () => {
  const { store, chunks } = keptChunks();
  const medium = new ChunkedMedium(store());
  await medium.open();
  await medium.append('log-1', 0, pattern(20_000, 1));
  await medium.sync('log-1');
  chunks.clear();
  await assert.rejects(medium.read('log-1', 0, 10), /a part of log-1 is gone/);
});

test('a folder is one store at a time; that of a process that is gone is taken over', async () => {
  const at = await folder();
  const medium = new FileMedium(at);
  await medium.open();
  await assert.rejects(new FileMedium(at).open(), { code: 'STORAGE_UNAVAILABLE', message: /open in this process/ });
  await medium.close();
  await writeFile(join(at, 'lock'), `1 of-another`);
  await assert.rejects(new FileMedium(at).open(), { code: 'STORAGE_UNAVAILABLE', message: /in use by process 1;/, retryable: true });
  await writeFile(join(at, 'lock'), '999999999 of-one-that-is-gone');
  const heir = new FileMedium(at);
  await heir.open();
  await heir.close();
  assert.deepEqual(await readdir(at), []);
});

test('what a replacement that was cut off has left is removed', async () => {
  const at = await folder();
  await appendFile(join(at, 'manifest-1.new'), 'half');
  await appendFile(join(at, 'manifest-1'), 'whole');
  const medium = new FileMedium(at);
  assert.deepEqual(await medium.open(), [{ name: 'manifest-1', length: 5 }]);
  await medium.close();
  assert.deepEqual(await readdir(at), ['manifest-1']);
});

test('a full medium is known by its error', () => {
  assert.equal(isFull(new DOMException('full', 'QuotaExceededError')), true);
  assert.equal(isFull(Object.assign(new Error(), { code: 'ENOSPC' })), true);
  assert.equal(isFull(new Error('something else')), false);
});

/** Bytes that differ by length and seed. */
function pattern(length, seed) {
  return Uint8Array.from({ length }, (_, n) => (n * 31 + seed * 7) % 251);
}
