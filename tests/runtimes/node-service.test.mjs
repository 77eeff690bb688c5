/** The example `examples/node-service` as a process of its own, over real stones that die under it. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';

import { installExample, removeProject } from '../packaging/example.mjs';
import { Stones, until } from './stones.mjs';

let project;
let stones;
const running = [];

before(async () => {
  stones = await Stones.start(3);
  project = await installExample('node-service');
});
after(async () => {
  await stones?.end();
  if (project) await removeProject(project);
});
afterEach(() => Promise.all(running.splice(0).map((service) => service.end('SIGKILL'))));

test('a link is made, followed, listed and deleted', async () => {
  const service = await start();
  const { status, headers, body } = await service.post({ url: 'https://example.com/a?b=c' });
  assert.equal(status, 201);
  assert.equal(headers.get('location'), `/${body.name}`);
  const followed = await service.get(`/${body.name}`);
  assert.deepEqual([followed.status, followed.headers.get('location')], [302, 'https://example.com/a?b=c']);
  assert.deepEqual((await service.get('/links')).body, { links: [{ name: body.name, url: 'https://example.com/a?b=c' }] });
  assert.equal((await service.ask('DELETE', `/links/${body.name}`)).status, 204);
  assert.equal((await service.get(`/${body.name}`)).status, 404);
  assert.deepEqual((await service.get('/health')).body, { state: 'connected' });
});

test('links come in pages, and each of them once', async () => {
  const service = await start();
  const made = await Promise.all(Array.from({ length: 250 }, (_, n) => service.post({ url: `https://example.com/${n}` })));
  const found = [];
  for (let after = ''; after !== undefined; ) {
    const { body } = await service.get(`/links${after && `?after=${after}`}`);
    assert.ok(body.links.length <= 100);
    found.push(...body.links.map(({ name }) => name));
    after = body.next;
  }
  assert.deepEqual(found, made.map(({ body }) => body.name).sort());
});

test('a link with a time to live ends by itself', async () => {
  const service = await start();
  const { body } = await service.post({ url: 'https://example.com', ttlSeconds: 2 });
  assert.equal((await service.get(`/${body.name}`)).status, 302);
  await until('the link has ended', async () => (await service.get(`/${body.name}`)).status === 404);
});

test('bad requests are told what is allowed', async () => {
  const service = await start();
  const cases = [
    [400, /the body must be JSON/, await service.ask('POST', '/links', '{')],
    [400, /the body must be JSON/, await service.ask('POST', '/links', 'null')],
    [400, /begins with http: or https:, not "javascript:1"/, await service.post({ url: 'javascript:1' })],
    [400, /from 1 to 31622400, not 0/, await service.post({ url: 'https://example.com', ttlSeconds: 0 })],
    [413, /at most 4096 bytes/, await service.post({ url: `https://example.com/${'x'.repeat(5_000)}` })],
    [404, /there is no link short/, await service.get('/short')],
    [404, /there is no PUT \/links/, await service.ask('PUT', '/links', '{}')],
  ];
  for (const [status, words, answer] of cases) {
    assert.equal(answer.status, status);
    assert.match(answer.body.error, words);
  }
});

test('a stone dies under it, and nothing that was answered is lost', { timeout: 180_000 }, async () => {
  const service = await start();
  const made = new Map();
  let refused = 0;
  let isOver = false;
  const users = Array.from({ length: 8 }, async (_, user) => {
    for (let n = 0; !isOver; n++) {
      const url = `https://example.com/${user}/${n}`;
      const { status, body } = await service.post({ url });
      if (status === 201) made.set(body.name, url);
      else {
        assert.equal(status, 503);
        refused += 1;
      }
    }
  });
  await until('links are made', async () => made.size > 50);
  const dead = service.member();
  await stones.kill(dead);
  const before = made.size;
  await until('links are made without the stone', async () => made.size > before + 50);
  isOver = true;
  await Promise.all(users);
  assert.notEqual(service.member(), dead);
  for (const [name, url] of made) {
    const { status, headers } = await service.get(`/${name}`);
    assert.deepEqual([status, headers.get('location')], [302, url]);
  }
  console.log(`MEASURE node-service: a stone killed under 8 users: ${made.size} links made, all there; ${refused} requests were answered with 503`);
  await stones.restart(dead);
});

test('without the ring it says so at once, and goes on when that is back', { timeout: 180_000 }, async () => {
  const service = await start();
  const { body } = await service.post({ url: 'https://example.com' });
  for (const number of [0, 1, 2]) await stones.kill(number);
  await until('it is not well', async () => (await service.get('/health')).status === 503);
  const refused = await service.get(`/${body.name}`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  for (const number of [0, 1, 2]) await stones.restart(number);
  await until('it is well', async () => (await service.get('/health')).status === 200);
  assert.equal((await service.get(`/${body.name}`)).status, 302);
});

test('it ends without losing a request', async () => {
  const service = await start();
  const answers = Array.from({ length: 20 }, () => service.post({ url: 'https://example.com' }));
  await answers[0];
  const ended = service.end('SIGTERM');
  const outcomes = await Promise.allSettled(answers);
  const made = outcomes.filter(({ value }) => value?.status === 201);
  // What came after the signal found no server, or one that takes nobody any more; what was under way was answered.
  for (const { reason } of outcomes.filter(({ status }) => status === 'rejected')) assert.match(reason.cause.code, /^ECONN(REFUSED|RESET)$/);
  assert.ok(made.length > 0);
  assert.equal(await ended, 0);
  assert.match(service.words(), /SIGTERM: what is under way is finished\n.*ended\n$/s);
});

/** Starts the service on a free port. */
async function start() {
  const env = { ...process.env, HENGE_URLS: stones.urls.join(' '), PORT: '0' };
  const child = spawn(process.execPath, ['src/main.js'], { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (words += data));
  const exit = once(child, 'exit');
  const service = {
    words: () => words,
    /** The stone that it is connected to, as `Stones` numbers them. */
    member: () => Number(words.match(/connected to stone-\d/g).at(-1).slice(-1)) - 1,
    async end(signal) {
      child.kill(signal);
      const [code] = await exit;
      return code;
    },
    async ask(method, path, body) {
      const response = await fetch(service.origin + path, { method, body, redirect: 'manual' });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
    },
    get: (path) => service.ask('GET', path),
    post: (body) => service.ask('POST', '/links', JSON.stringify(body)),
  };
  running.push(service);
  await until('the service serves', async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${words}`);
    service.origin = /serving at (\S+)/.exec(words)?.[1];
    return service.origin !== undefined;
  });
  return service;
}
