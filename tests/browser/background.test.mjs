/** A tab in the background, whose timers hardly ever fire, is no worse a leader: it is there, and its connection is alive. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dial, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from '../runtimes/stones.mjs';
import { startFirefox } from './firefox.mjs';
import { startPlace } from './place.mjs';

/** How seldom timers of a hidden tab fire here: beyond what a server may be silent for, as the minute of real browsers is. */
const TIMER_MS = 4_000;

let place;
let relay;
let browser;

before(async () => {
  place = await startPlace();
  relay = await Relay.to(place.stones.urls[0]);
  // Chromium says of none of its pages that it is hidden when it is driven.
  const preferences = { 'dom.min_background_timeout_value': TIMER_MS, 'dom.min_background_timeout_value_without_budget_throttling': TIMER_MS };
  browser = await startFirefox({ preferences });
});

after(async () => {
  await browser?.end();
  relay?.end();
  await place?.end();
});

test('a leader in the background keeps its lead and its connection, and has another soon when that is lost', { timeout: 120_000 }, async () => {
  const leader = await openTab();
  const held = await leader.evaluate(lockHolder);
  await leader.evaluate(async () => {
    window.heard = [];
    window.store.subscribe({ prefix: 'background/' }, ({ type, key }) => window.heard.push(key ?? type));
    while (!window.heard.includes('synced')) await new Promise((resolve) => setTimeout(resolve, 10));
  });
  const follower = await openTab();
  assert.deepEqual([await leader.evaluate(() => document.visibilityState), await follower.evaluate(() => document.visibilityState)], ['hidden', 'visible']);
  const [timer_ms, dialled] = [await leader.evaluate(timer), relay.dialled];
  assert.ok(timer_ms >= 0.9 * TIMER_MS, `${timer_ms} ms`);

  // Long enough for the leader to ask whether the server is there, and to find no answer if it looks too early.
  await sleep(4 * TIMER_MS);
  await follower.evaluate(() => window.store.put('background/first', 1, { durability: 'ring' }));
  await place.ring.put('background/second', 2);
  await until('the leader hears of it', () => leader.evaluate(() => window.heard.includes('background/second')));
  assert.equal(relay.dialled, dialled);

  relay.cut();
  await sleep(2 * TIMER_MS);
  assert.ok(relay.dialled - dialled <= 6, `${relay.dialled - dialled} attempts within ${2 * TIMER_MS} ms`);
  relay.mend();
  const mended = Date.now();
  await follower.evaluate(() => window.store.put('background/third', 3, { durability: 'ring' }));
  console.log(`MEASURE background: connected again ${Date.now() - mended} ms after it was possible, with timers of ${TIMER_MS} ms`);
  assert.equal(await place.ring.get('background/third'), 3);
  assert.deepEqual(await follower.evaluate(lockHolder), held);
});

async function openTab() {
  const page = await browser.openTab(place.site.origin);
  await page.evaluate(async (urls) => {
    const { open } = await import('/browser.js');
    window.store = await open({ name: 'background', urls });
  }, relay.url);
  return page;
}

/** In a page: how long the shortest timer takes, from when another one has fired. */
async function timer() {
  const fired = () => new Promise((resolve) => setTimeout(resolve, 1));
  await fired();
  const began = performance.now();
  await fired();
  return Math.ceil(performance.now() - began);
}

/** In a page: who holds the lock of the tab that leads. */
async function lockHolder() {
  const { held } = await navigator.locks.query();
  return held.find(({ name }) => name === 'henge:background').clientId;
}

/** A way to a server that can be cut, and that counts how often it is taken. */
class Relay {
  dialled = 0;
  #isCut = false;
  #sockets = new Set();
  #server;

  static async to(url) {
    const { hostname, port } = new URL(url);
    const relay = new Relay();
    relay.#server = createServer((near) => {
      relay.dialled += 1;
      if (relay.#isCut) return near.destroy();
      const far = dial({ host: hostname, port });
      for (const [one, other] of [[near, far], [far, near]]) {
        relay.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => undefined);
        one.on('close', () => {
          relay.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Ends all connections, and each that is made until it is mended. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  end() {
    this.cut();
    this.#server.close();
  }
}
