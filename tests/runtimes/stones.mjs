/** Real stones for tests in JavaScript: processes of the `henge` binary on loopback ports. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));

/** The binary that is tested. */
export const henge = process.env.HENGE_BIN ?? join(target, 'release/henge');
/** The guest as it is shipped, as a file; the host's build puts it beside the binary's folder. */
export const guest = process.env.HENGE_GUEST_WASM ?? join(henge, '../../guest/henge_guest.wasm');

/** A cluster of stones in as many zones, numbered from 0; number 0 is called `stone-1`. */
export class Stones {
  #folder = mkdtempSync(join(tmpdir(), 'henge-stones-'));
  #settings = [];
  #ports = [];
  #children = [];

  /** Starts `count` stones, all with these `settings`, and waits until they serve and know each other. */
  static async start(count, settings = []) {
    if (!existsSync(henge)) throw new Error(`${henge} is not there: cargo xtask build makes it, or HENGE_BIN names another`);
    const stones = new Stones();
    stones.#settings = settings;
    for (let number = 0; number < count; number++) stones.#ports.push(await freePort());
    try {
      for (let number = 0; number < count; number++) stones.#spawn(number);
      await stones.ready();
    } catch (error) {
      await stones.end();
      throw error;
    }
    return stones;
  }

  /** Where each stone is, as `connect()` takes it. */
  get urls() {
    return this.#ports.map((port) => `http://127.0.0.1:${port}`);
  }

  /** Kills stone `number` as a power cut would. */
  async kill(number) {
    const child = this.#children[number];
    this.#children[number] = undefined;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  /** Starts stone `number` again and waits until all that run serve. */
  async restart(number) {
    this.#spawn(number);
    await this.ready();
  }

  /** Waits until all that run serve and are connected with each other. */
  async ready() {
    const running = this.urls.filter((_, number) => this.#children[number]);
    await until('the stones serve', async () => {
      for (const url of running) {
        const health = await fetch(`${url}/health`).catch(() => undefined);
        if (!health?.ok) return false;
        const { peers } = await (await fetch(`${url}/v1/status`)).json();
        if (peers.filter((peer) => peer.up).length < running.length - 1) return false;
      }
      return true;
    }, START_MS_MAX);
  }

  /** What stone `number` has said. */
  log(number) {
    return readFileSync(this.#path(number, 'log'), 'utf8');
  }

  /** Ends all of them and removes what they have left. */
  async end() {
    await Promise.all(this.#children.map((child, number) => child && this.kill(number)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(number) {
    const name = `stone-${number + 1}`;
    const members = this.#ports.map((port, i) => `--member=stone-${i + 1}=127.0.0.1:${port}@local/${'abcdefg'[i]}`);
    const settings = ['serve', `--name=${name}`, `--data=${this.#path(number, 'data')}`, '--shards=2', ...members, ...this.#settings];
    const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith('HENGE_')));
    const log = openSync(this.#path(number, 'log'), 'a');
    const child = spawn(henge, settings, { stdio: ['ignore', log, log], env });
    closeSync(log);
    child.on('error', (error) => appendFileSync(this.#path(number, 'log'), String(error)));
    this.#children[number] = child;
  }

  #path(number, what) {
    return join(this.#folder, `stone-${number + 1}.${what}`);
  }
}

/** Asks `ready` again and again until it says yes. */
export async function until(what, ready, limit_ms = 200_000) {
  const end = Date.now() + limit_ms;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limit_ms} ms`);
    await sleep(20);
  }
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: one of
 * those could be taken away by a stone that dials.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const bound = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!bound) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** A stone compiles its guest when it starts: seconds, and many of them on a machine that is busy otherwise. */
const START_MS_MAX = 120_000;
