/**
 * Runs the program of a page: `node run.mjs program.mjs`. Where the page says `http://127.0.0.1:7301`, there is a ring in
 * memory, which its invisible blocks have as `ring`.
 */
import { pathToFileURL } from 'node:url';
import { cluster } from '../../dist/testing/index.js';

const PORT = 7301;

const ring = await cluster({ nodes: 3, buckets: { carts: { policy: 'siblings' } } });

globalThis.ring = {
  ...ring,
  /** Cuts all clients off from all nodes. */
  goOffline: () => Promise.all([0, 1, 2].map((node) => ring.cut(node, 'clients'))),
  goOnline: () => ring.heal(),
};

globalThis.WebSocket = class extends ring.WebSocket {
  constructor(url, protocols) {
    const { port, pathname } = new URL(url);
    const node = ring.urls[Number(port) - PORT] ?? 'http://nobody.test';
    super(`${node}${pathname}`, protocols);
  }
};

await import(pathToFileURL(process.argv[2]));
await ring.close();
// A page need not close its stores.
process.exit();
