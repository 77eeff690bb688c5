/** A store in a Durable Object outlives its process, and takes what waits to the ring. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { connect } from '../../wasm-sdk/dist/index.js';
import { Stones } from './stones.mjs';
import { startWrangler } from './workerd.mjs';

let stones;
let project;
let ring;

before(async () => {
  stones = await Stones.start(3, ['--policy=siblings']);
  project = await installTarball();
  ring = await connect(stones.urls);
  await writeFile(join(project, 'object.mjs'), OBJECT);
  await writeFile(join(project, 'wrangler.json'), JSON.stringify(CONFIG));
});

after(async () => {
  await ring?.close();
  await stones?.end();
  if (project) await removeProject(project);
});

test('what a Durable Object has written is there in its next process, and goes to the ring once', { timeout: 180_000 }, async () => {
  let worker = await startWrangler({ project, args: ['--config=wrangler.json', '--persist-to=state'] });
  try {
    const written = await ask(worker, 'write', { count: 300 });
    assert.deepEqual(written, { kind: 'durable-object', pending: 300 });
    await worker.end();
    worker = await startWrangler({ project, args: ['--config=wrangler.json', '--persist-to=state'] });
    assert.deepEqual(await ask(worker, 'read', { key: 'object/7' }), { value: { n: 7 }, source: 'waiting', pending: 300 });
    assert.deepEqual(await ask(worker, 'flush', { urls: stones.urls }), { pending: 0 });
    assert.deepEqual(await ask(worker, 'read', { key: 'object/7', urls: stones.urls }), { value: { n: 7 }, source: 'ring', pending: 0 });
  } finally {
    await worker.end();
  }
  for (let n = 0; n < 300; n++) {
    const entry = await ring.getEntry(`object/${n}`, { r: 'all' });
    assert.deepEqual([entry?.value, entry?.siblings], [{ n }, undefined], `object/${n}`);
  }
});

async function ask({ url }, what, told) {
  const answer = await fetch(`${url}/${what}`, { method: 'POST', body: JSON.stringify(told) });
  const words = await answer.text();
  assert.ok(answer.ok, words);
  return JSON.parse(words);
}

const CONFIG = {
  name: 'object',
  main: 'object.mjs',
  compatibility_date: '2026-11-01',
  durable_objects: { bindings: [{ name: 'OBJECT', class_name: 'Shelf' }] },
  migrations: [{ tag: 'v1', new_sqlite_classes: ['Shelf'] }],
};

/** A new store for each request: so it is opened from what is stored. */
const OBJECT = `
import { DurableObject } from 'cloudflare:workers';
import { open } from 'henge';
import { durableObjectChunks } from 'henge/durable-object';

export class Shelf extends DurableObject {
  async fetch(request) {
    const { count, key, urls } = await request.json();
    const store = await open({ storage: durableObjectChunks(this.ctx.storage), ...(urls && { urls }) });
    try {
      switch (new URL(request.url).pathname) {
        case '/write':
          await Promise.all(Array.from({ length: count }, (_, n) => store.put('object/' + n, { n })));
          return Response.json({ kind: store.storage.kind, pending: store.pending });
        case '/read': {
          const { value, source } = await store.getEntry(key, { from: urls ? 'ring' : 'nearest' });
          return Response.json({ value, source, pending: store.pending });
        }
        case '/flush':
          await store.flush();
          return Response.json({ pending: store.pending });
      }
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    } finally {
      await store.close();
    }
  }
}

export default {
  fetch: (request, env) => env.OBJECT.get(env.OBJECT.idFromName('one')).fetch(request),
};
`;
