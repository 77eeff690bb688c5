/** Where a runtime reports: a server on loopback that `play.mjs` tells what came of each case. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** The reports of one runtime. */
export class Desk {
  #stones;
  #server = createServer((request, response) => this.#answer(request, response));
  #reports = new Map();
  #failure;
  #silence;
  #waiting = new Set();

  constructor(stones) {
    this.#stones = stones;
  }

  /** A desk that gives out the addresses of `stones`, and restarts stone 0 when it is asked to. */
  static async open(stones) {
    const desk = new Desk(stones);
    desk.#server.listen(0, '127.0.0.1');
    await once(desk.#server, 'listening');
    desk.#heard();
    return desk;
  }

  /** What `play()` is given. */
  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** What the runtime calls itself. */
  async agent() {
    return (await this.#report('begin')).agent;
  }

  /** Waits for the outcome of case `index`, and throws what was wrong with it. */
  async outcome(index) {
    const { problem } = await this.#report(index);
    if (problem !== undefined) throw new Error(problem);
  }

  /** Nothing more is to come: whatever is not reported yet has failed by `reason`. */
  fail(reason) {
    this.#failure ??= new Error(reason);
    this.#wake();
  }

  /** Closes it. */
  async close() {
    clearTimeout(this.#silence);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #report(what) {
    while (!this.#reports.has(what)) {
      if (this.#failure) throw this.#failure;
      await new Promise((resolve) => this.#waiting.add(resolve));
    }
    return this.#reports.get(what);
  }

  #wake() {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.fail(`nothing was heard for ${SILENCE_MS_MAX} ms`), SILENCE_MS_MAX);
  }

  async #answer(request, response) {
    this.#heard();
    const told = await text(request);
    // Pages come from other origins.
    response.setHeader('access-control-allow-origin', '*');
    try {
      response.end(JSON.stringify(await this.#take(request.url, told && JSON.parse(told))));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }

  async #take(path, told) {
    switch (path) {
      case '/begin':
        this.#reports.set('begin', told);
        this.#wake();
        return this.#stones.urls;
      case '/outcome':
        this.#reports.set(told.index, told);
        return this.#wake();
      case '/restart':
        await this.#stones.kill(0);
        return this.#stones.restart(0);
      case '/failed':
        return this.fail(told);
      default:
        throw new Error(`the desk does not know ${path}`);
    }
  }
}

/** Longer than a case may take. */
const SILENCE_MS_MAX = 60_000;
