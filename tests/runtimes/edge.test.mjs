/** An edge node in a Durable Object: real stones dial it, and so do stores of applications. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { connect, open } from '../../wasm-sdk/dist/index.js';
import { freePort, Stones, until } from './stones.mjs';
import { startWrangler } from './workerd.mjs';

let project;
let worker;
let port;
let stones;
let stores;
/** What each store has been told of each key. */
let told;

before(async () => {
  project = await installTarball();
  await writeFile(join(project, 'edge.mjs'), WORKER);
  await writeFile(join(project, 'wrangler.json'), JSON.stringify(CONFIG));
  port = await freePort();
  await startWorker();
  stones = await Stones.start(3, ['--policy=siblings', `--edge=ws://127.0.0.1:${port}/v1/edge?secret=${SECRET}`]);
  await until('a stone serves the edge node', async () => (await state()).isOnline);
  stores = await Promise.all([0, 1].map(() => open({ urls: worker.url, storage: 'memory' })));
  told = stores.map(() => new Map());
  await Promise.all(stores.map((store, number) => new Promise((resolve) => {
    store.subscribe({ prefix: 'note:' }, (change) => {
      if (change.type === 'synced') resolve();
      if (change.type === 'set') told[number].set(change.key, [change.source, change.value]);
    });
  })));
});

after(async () => {
  await Promise.all((stores ?? []).map((store) => store.close()));
  await worker?.kill();
  await stones?.end();
  if (project) await removeProject(project);
});

test('a write is durable on the device, at the edge, and on the ring, and the other store has it', { timeout: 120_000 }, async () => {
  const receipt = await stores[0].put('note:1', 'one');
  await receipt.until('edge');
  await receipt.until('ring');
  assert.match(receipt.version, /./);
  await hears(1, 'note:1', ['copy', 'one']);
  assert.deepEqual(stores[0].status, { state: 'connected', member: 'corner', replicas: 3 });
});

test('without the ring both go on, see each other, and lose nothing when the object is killed', { timeout: 300_000 }, async () => {
  await Promise.all([0, 1, 2].map((number) => stones.kill(number)));
  await until('the edge node has lost the ring', async () => !(await state()).isOnline);
  for (const value of ['two', 'three']) await (await stores[0].put('note:1', value)).until('edge');
  await (await stores[1].put('note:2', 'new')).until('edge');
  await hears(1, 'note:1', ['waiting', 'three']);
  await hears(0, 'note:2', ['waiting', 'new']);
  assert.equal(await stores[1].get('note:1'), 'three');
  const listed = await stores[0].list({ prefix: 'note:' }).toArray();
  assert.deepEqual(listed.map(({ key, value }) => [key, value]), [['note:1', 'three'], ['note:2', 'new']]);

  await worker.kill();
  const late = await stores[1].put('note:3', 'late');
  await startWorker();
  await late.until('edge');
  await hears(0, 'note:3', ['waiting', 'late']);
  assert.equal((await state()).pending, 4);

  for (const number of [0, 1, 2]) await stones.restart(number);
  await Promise.all(stores.map((store) => store.flush()));
  const ring = await connect(stones.urls);
  try {
    // Nobody had read what is replaced, and the bucket keeps siblings: each write is there once.
    for (const [key, value, siblings] of [['note:1', 'three', ['one', 'two']], ['note:2', 'new'], ['note:3', 'late']]) {
      const entry = await ring.getEntry(key, { r: 'all' });
      assert.deepEqual([entry?.value, entry?.siblings?.toSorted()], [value, siblings], key);
      await hears(0, key, ['copy', value]);
      await hears(1, key, ['copy', value]);
    }
  } finally {
    await ring.close();
  }
});

test('the object sleeps while nothing happens, and its sockets outlive that', { timeout: 120_000 }, async () => {
  const statuses = [];
  const stop = stores[0].onStatus((status) => statuses.push(status.state));
  const { lives } = await state();
  await sleep(ASLEEP_MS);
  const woken = await state();
  assert.equal(woken.lives, lives + 1, 'it was in memory all the time');
  assert.equal(woken.clients, 2);
  await (await stores[1].put('note:4', 'awake')).until('edge');
  await hears(0, 'note:4', ['copy', 'awake']);
  stop();
  assert.deepEqual(statuses, []);
});

test('who does not know the secret is no stone, and what is no WebSocket is told what to do', async () => {
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-protocol': 'henge.v1' };
  const forged = request(`${worker.url}/v1/edge?secret=wrong-secret`, { headers }).end();
  const [answer] = await once(forged, 'response');
  assert.equal(answer.statusCode, 403);
  answer.destroy();
  const plain = await fetch(`${worker.url}/v1/ws`);
  assert.equal(plain.status, 426);
  assert.match(await plain.text(), /open a WebSocket/);
});

async function startWorker() {
  worker = await startWrangler({ project, port, args: ['--config=wrangler.json', '--persist-to=state'] });
}

async function state() {
  const answer = await fetch(`${worker.url}/state`).catch(() => undefined);
  return answer?.ok ? answer.json() : {};
}

async function hears(number, key, expected) {
  await until(`store ${number} hears of ${key}: ${expected}`, () => JSON.stringify(told[number].get(key)) === JSON.stringify(expected));
}

const SECRET = 'standing-stones';
/** After about 10 s an object is dropped from memory. */
const ASLEEP_MS = 14_000;
const CONFIG = {
  name: 'edge',
  main: 'edge.mjs',
  compatibility_date: '2026-11-01',
  durable_objects: { bindings: [{ name: 'EDGE', class_name: 'Edge' }] },
  migrations: [{ tag: 'v1', new_sqlite_classes: ['Edge'] }],
};
const WORKER = `
import { DurableObject } from 'cloudflare:workers';
import { EdgeNode } from 'henge/durable-object';

export class Edge extends DurableObject {
  #node = new EdgeNode(this.ctx, { name: 'corner', secret: '${SECRET}' });

  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.kv.put('lives', (ctx.storage.kv.get('lives') ?? 0) + 1);
  }

  fetch(request) {
    if (new URL(request.url).pathname !== '/state') return this.#node.fetch(request);
    const { isOnline, pending, clients } = this.#node;
    return Response.json({ isOnline, pending, clients, lives: this.ctx.storage.kv.get('lives') });
  }

  webSocketMessage(socket, message) { this.#node.webSocketMessage(socket, message); }
  webSocketClose(socket) { this.#node.webSocketClose(socket); }
  webSocketError(socket) { this.#node.webSocketClose(socket); }
  alarm() { this.#node.alarm(); }
}

export default {
  fetch: (request, env) => env.EDGE.get(env.EDGE.idFromName('one')).fetch(request),
};
`;
