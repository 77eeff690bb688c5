import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, StoreError } from '../dist/index.js';
import { socketClass } from './fake-socket.mjs';
import * as frames from './frames.mjs';

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A store with one socket that has been welcomed. */
async function online(options) {
  const WebSocket = socketClass((socket) => {
    socket.onopen({});
    socket.onmessage({ data: frames.welcome });
  });
  const store = await connect('http://stone', { WebSocket, ...options });
  return { store, WebSocket, socket: WebSocket.made[0] };
}

/** What `call` comes to if the server answers `answer`. */
async function outcome(call, answer) {
  const { store, socket } = await online();
  try {
    const promise = call(store);
    await tick();
    socket.onmessage({ data: answer });
    return await promise;
  } finally {
    await store.close();
  }
}

test('the status tells who answers, and is the same object until it changes', async () => {
  const { store } = await online();
  assert.deepEqual(store.status, { state: 'connected', member: 'stone-1', replicas: 3 });
  assert.equal(store.status, store.status);
  await store.close();
  assert.deepEqual(store.status, { state: 'closed' });
});

test('answers become values, versions and entries', async () => {
  assert.equal(await outcome((store) => store.get('k'), frames.text), 'héllo');
  assert.equal(await outcome((store) => store.get('k'), frames.absent), undefined);
  assert.equal(await outcome((store) => store.getEntry('k'), frames.absent), undefined);
  assert.equal(await outcome((store) => store.has('k'), frames.text), true);
  assert.equal(await outcome((store) => store.has('k'), frames.absent), false);
  assert.equal(await outcome((store) => store.put('k', 1), frames.written), '000000000000018f');
  assert.equal(await outcome((store) => store.delete('k'), frames.written), '000000000000018f');
});

test('an entry carries its version and context, and its siblings only if there are any', async () => {
  const context = 'BwAAAAAAAAAA';
  const version = '000000000000018f';
  assert.deepEqual(await outcome((store) => store.getEntry('k'), frames.text), { key: 'k', value: 'héllo', version, context });
  assert.deepEqual(await outcome((store) => store.getEntry('k'), frames.siblings), {
    key: 'k',
    value: { a: 1 },
    version,
    context,
    siblings: [new Uint8Array([1, 2]), 'two'],
  });
});

test('a failure is a StoreError with its code and its key', async () => {
  await assert.rejects(outcome((store) => store.get('k'), frames.corrupt), (error) => {
    assert.ok(error instanceof StoreError);
    assert.deepEqual([error.name, error.code, error.retryable, error.key], ['StoreError', 'CORRUPT', false, 'k']);
    assert.equal(error.message, 'block 7 is damaged');
    return true;
  });
  await assert.rejects(outcome((store) => store.get('k'), frames.unknownEncoding), { code: 'CORRUPT', message: /encoding 9/ });
});

test('a refusal ends connect() with what the server says', async () => {
  const WebSocket = socketClass((socket) => {
    socket.onopen({});
    socket.onmessage({ data: frames.refusal });
  });
  await assert.rejects(connect('http://stone', { WebSocket }), { code: 'PROTOCOL', message: 'upgrade the older side' });
  assert.equal(WebSocket.made.length, 1);
});

test('all calls of one task leave as one message', async () => {
  const { store, socket } = await online();
  const before = socket.sent.length;
  const calls = Array.from({ length: 100 }, (_, i) => store.put(`key-${i}`, i).catch(() => {}));
  await tick();
  assert.equal(socket.sent.length, before + 1);
  assert.equal(frames.count(socket.sent.at(-1)), 100);
  await store.close();
  await Promise.all(calls);
});

test('a write is sent again after a loss, and the status says what happens', async () => {
  const { store, socket, WebSocket } = await online();
  const states = [];
  const stop = store.onStatus((status) => states.push(status.state));
  const write = store.put('k', 1);
  await tick();
  socket.onclose({});
  assert.equal(store.status.state, 'offline');
  assert.ok(store.status.retryAt instanceof Date && store.status.error.code === 'OFFLINE');
  await new Promise((resolve) => setTimeout(resolve, 150));
  const [, second] = WebSocket.made;
  assert.deepEqual(states, ['offline', 'connecting', 'connected']);
  assert.equal(frames.count(second.sent.at(-1)), 1);
  second.onmessage({ data: frames.written });
  assert.equal(await write, '000000000000018f');
  stop();
  await store.close();
  assert.equal(states.length, 3, 'nobody listens any more');
});

test('time that runs out says whether the write may be applied', async () => {
  const { store } = await online({ timeoutMs: 40 });
  await assert.rejects(store.put('k', 1), { code: 'INDETERMINATE', retryable: true, message: /may or may not/ });
  await assert.rejects(store.get('k'), { code: 'TIMEOUT', retryable: true, message: /40 ms/ });
  await store.close();
});

test('a signal gives a call up, and says whether the write may be applied', async () => {
  const { store, socket } = await online();
  const reason = new Error('enough');
  const controller = new AbortController();
  const write = store.put('k', 1, { signal: controller.signal });
  await tick();
  controller.abort(reason);
  await assert.rejects(write, { code: 'ABORTED', key: 'k', cause: reason, message: /may be applied nevertheless/ });
  socket.onmessage({ data: frames.written });

  const unsent = new AbortController();
  const early = store.put('k', 1, { signal: unsent.signal });
  unsent.abort();
  await assert.rejects(early, { code: 'ABORTED', message: /nothing was written/ });
  const before = socket.sent.length;
  await tick();
  assert.equal(socket.sent.length, before);
  await store.close();
});

test('closing fails what is under way, and what comes after says what to do', async () => {
  const { store, socket } = await online();
  const write = store.put('k', 1);
  await tick();
  await store[Symbol.asyncDispose]();
  await assert.rejects(write, { code: 'CLOSED', message: /may be applied nevertheless/ });
  await assert.rejects(store.get('k'), { code: 'CLOSED', message: /open a new one/ });
  assert.equal(socket.readyState, 3);
  await store.close();
});

test('what cannot be sent is refused before it is sent', async () => {
  const { store, socket } = await online();
  const before = socket.sent.length;
  await assert.rejects(store.put('', 1), { code: 'KEY_TOO_LARGE', message: /allowed are 1 to 1024/ });
  await assert.rejects(store.put('k', new Uint8Array(10_240)), { code: 'VALUE_TOO_LARGE', message: /at most 10240/ });
  await assert.rejects(store.put('k', 1, { context: 'AAAA' }), { code: 'PROTOCOL', message: /context/ });
  await assert.rejects(store.put('k', 1, { w: 17 }), { code: 'LEVEL' });
  await assert.rejects(store.put('k', 1, { r: 1 }), { name: 'TypeError', message: /no option "r"; allowed are w, timeoutMs, signal, context/ });
  await assert.rejects(store.get('k', { timeoutMs: 0 }), { name: 'TypeError', message: /timeoutMs/ });
  await tick();
  assert.equal(socket.sent.length, before);
  await store.close();
});

test('a listener may call the store, close it, or throw', async () => {
  const { store, socket } = await online();
  store.onStatus((status) => {
    if (status.state === 'offline') store.close();
  });
  const write = store.put('k', 1);
  await tick();
  socket.onclose({});
  await assert.rejects(write, { code: 'CLOSED' });
  assert.equal(store.status.state, 'closed');
});

test('when the engine fails, every store of it says so, and a new one works', async () => {
  const { store, socket } = await online();
  const write = store.put('k', 1);
  await tick();
  const Broken = socketClass();
  Object.defineProperty(Broken.prototype, 'binaryType', {
    set() {
      throw new Error('boom');
    },
  });
  await assert.rejects(connect('http://stone', { WebSocket: Broken }), { code: 'INTERNAL' });
  await assert.rejects(write, { code: 'INTERNAL', key: 'k' });
  await assert.rejects(store.get('k'), { code: 'INTERNAL', message: /open the store again/ });
  assert.equal(store.status.state, 'failed');
  assert.equal(socket.readyState, 3);
  await store.close();
  assert.equal(await outcome((other) => other.get('k'), frames.text), 'héllo');
});
