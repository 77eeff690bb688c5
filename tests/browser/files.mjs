/** A file server as a site might use. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

/**
 * Serves the files of `folder`, and at `/` the page `html`, all with `headers`. What `serve` takes, by
 * returning true, it answers itself. It listens on a free port unless `port` says on which.
 */
export async function serveFiles(folder, html = '<!doctype html>', { headers = {}, serve = () => false, port = 0 } = {}) {
  const server = createServer(async (request, response) => {
    if (serve(request, response)) return;
    const path = normalize(new URL(request.url, 'http://files').pathname);
    const body = path === '/' ? html : await readFile(join(folder, path)).catch(() => undefined);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': TYPES[extname(path)] ?? 'text/html', ...headers });
    response.end(body);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    end() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css', '.svg': 'image/svg+xml' };
