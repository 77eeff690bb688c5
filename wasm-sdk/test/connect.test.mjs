import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, partitionOf, StoreError } from '../dist/index.js';
import { refuse, socketClass } from './fake-socket.mjs';

const URL_A = 'http://a.example';
const URL_B = 'http://b.example';

test('partitionOf before the first connect says what to await', () => {
  assert.throws(() => partitionOf('key', 256), { code: 'UNSUPPORTED', message: /first connect\(\)/ });
});

test('a server that cannot be reached is OFFLINE, with its address and the reason', async () => {
  const opening = connect(URL_A, { WebSocket: socketClass(refuse), timeoutMs: 100 });
  await assert.rejects(opening, (error) => {
    assert.ok(error instanceof StoreError);
    assert.deepEqual([error.code, error.retryable], ['OFFLINE', true]);
    assert.match(error.message, /ws:\/\/a\.example\/v1\/ws \(connect ECONNREFUSED\)/);
    return true;
  });
});

test('of several addresses the next is tried', async () => {
  const WebSocket = socketClass(refuse);
  await assert.rejects(connect([URL_A, URL_B], { WebSocket, timeoutMs: 400 }), { code: 'OFFLINE' });
  const urls = WebSocket.made.map((socket) => new URL(socket.url).hostname);
  assert.deepEqual(urls.slice(0, 3), ['a.example', 'b.example', 'a.example']);
  assert.deepEqual(WebSocket.made[0].protocols, ['henge.v1']);
});

test('an open socket is greeted at once, in one message', async () => {
  const WebSocket = socketClass((socket) => socket.onopen?.({}));
  await assert.rejects(connect(URL_A, { WebSocket, timeoutMs: 100 }), { code: 'OFFLINE' });
  const [{ sent }] = WebSocket.made;
  assert.equal(sent.length, 1);
  assert.deepEqual([...sent[0].slice(0, 4)], [1, 1, 0, 0], 'version 1, kind hello, partition 0');
});

test('after a failed connect nothing is dialled any more', async () => {
  const WebSocket = socketClass(refuse);
  await assert.rejects(connect(URL_A, { WebSocket, timeoutMs: 50 }));
  const dials = WebSocket.made.length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(WebSocket.made.length, dials);
});

test('a socket class that throws is an address that cannot be reached', async () => {
  const WebSocket = class {
    constructor() {
      throw new Error('mixed content');
    }
  };
  await assert.rejects(connect(URL_A, { WebSocket, timeoutMs: 50 }), { code: 'OFFLINE', message: /mixed content/ });
});

test('a server that does not speak the protocol is dialled again', async () => {
  const WebSocket = socketClass((socket) => {
    socket.onopen?.({});
    socket.onmessage?.({ data: 'hello' });
    socket.onmessage?.({ data: new Uint8Array([1, 2, 3]).buffer });
  });
  await assert.rejects(connect(URL_A, { WebSocket, timeoutMs: 300 }), { code: 'OFFLINE' });
  assert.ok(WebSocket.made.length > 1);
  assert.equal(WebSocket.made[0].readyState, 3, 'the first was closed');
});

test('a signal gives connect() up, before and after it dials', async () => {
  const WebSocket = socketClass();
  const reason = new Error('changed my mind');
  await assert.rejects(connect(URL_A, { WebSocket, signal: AbortSignal.abort(reason) }), { code: 'ABORTED', cause: reason });
  assert.equal(WebSocket.made.length, 0);
  const controller = new AbortController();
  const opening = connect(URL_A, { WebSocket, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(opening, { code: 'ABORTED', cause: reason });
  assert.equal(WebSocket.made[0].readyState, 3);
});

test('options that do not exist, and values they cannot have, are named with what is allowed', async () => {
  const refused = (options, message) => assert.rejects(connect(URL_A, options), { message });
  await refused({ level: 'one' }, /connect\(\) has no option "level"; allowed are bucket, session, r, w, timeoutMs/);
  await refused('quorum', /must be an object, not "quorum"/);
  for (const timeoutMs of [0, -1, 1.5, 60_001, Infinity, '100']) await refused({ timeoutMs }, /from 1 to 60000/);
  await refused({ signal: {} }, /must be an AbortSignal/);
  for (const r of ['two', 0, 17, 2.5, '']) {
    await assert.rejects(connect(URL_A, { r }), (error) => {
      assert.deepEqual([error.name, error.code], ['StoreError', 'LEVEL']);
      assert.match(error.message, /allowed are one, quorum, all, local_quorum, each_quorum and the numbers 1 to 16/);
      return true;
    });
  }
});

test('when the engine fails, the error says so and the next connect() has a new engine', async () => {
  const Broken = socketClass();
  Object.defineProperty(Broken.prototype, 'binaryType', {
    set() {
      throw new Error('boom');
    },
  });
  await assert.rejects(connect(URL_A, { WebSocket: Broken }), { code: 'INTERNAL', message: /boom.*open the store again/ });
  assert.equal(partitionOf('key', 1), 0);
  await assert.rejects(connect(URL_A, { WebSocket: socketClass(refuse), timeoutMs: 50 }), { code: 'OFFLINE' });
});

test('partitions are those of the ring', () => {
  assert.equal(partitionOf('any', 1), 0);
  assert.equal(partitionOf('{tag}/a', 256), partitionOf('b{tag}', 256));
  const partitions = new Set(Array.from({ length: 2_000 }, (_, i) => partitionOf(`key-${i}`, 256)));
  assert.ok(partitions.size > 240 && Math.max(...partitions) < 256);
});
