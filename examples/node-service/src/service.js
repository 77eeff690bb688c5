/** Links over HTTP. */

import { createServer } from 'node:http';
import { StoreError } from 'henge';
import { linksOf } from './links.js';

/** What is wrong with a request, in the words of HTTP. */
class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** A server of the links in `store`. `isEnding` says whether it is about to stop. */
export function serviceOf(store, isEnding) {
  const links = linksOf(store);

  const routes = {
    'GET /health': async () => {
      const isWell = store.status.state === 'connected' && !isEnding();
      return [isWell ? 200 : 503, { state: isEnding() ? 'ending' : store.status.state }];
    },
    'POST /links': async (request) => {
      const { url, ttlSeconds } = await jsonOf(request);
      const link = await links.add(checkUrl(url), checkTtl(ttlSeconds));
      return [201, link, { location: `/${link.name}` }];
    },
    'GET /links': async (_request, _name, query) => [200, await links.page(query.get('after') ?? undefined)],
    'DELETE /links/': async (_request, name) => {
      await links.remove(checkName(name));
      return [204];
    },
    'GET /': async (_request, name) => {
      const url = await links.find(checkName(name));
      if (url === undefined) throw new Refusal(404, `there is no link ${name}`);
      return [302, undefined, { location: url }];
    },
  };

  return createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://service');
    const [, folder, name] = /^(\/(?:links\/)?)([^/]+)$/.exec(pathname) ?? [];
    const route = routes[`${request.method} ${pathname}`] ?? routes[`${request.method} ${folder}`];
    try {
      if (!route) throw new Refusal(404, `there is no ${request.method} ${pathname}; see README.md for what there is`);
      answer(response, ...(await route(request, name, searchParams)));
    } catch (error) {
      answer(response, ...refusalOf(error));
    }
  });
}

function answer(response, code, body, headers = {}) {
  response.writeHead(code, { ...headers, ...(body && { 'content-type': 'application/json' }) });
  response.end(body && JSON.stringify(body));
}

/** How an error is told: as a mistake of the client, as trouble that passes, or as ours. */
function refusalOf(error) {
  if (error instanceof Refusal) return [error.code, { error: error.message }];
  // Nobody knows whether it was written; asked again it is another link, which does no harm.
  const isPassing = error instanceof StoreError && (error.retryable || error.code === 'INDETERMINATE');
  if (isPassing) return [503, { error: error.message, code: error.code }, { 'retry-after': '1' }];
  console.error(error);
  return [500, { error: 'this should not have happened; the log says more' }];
}

async function jsonOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `a body has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // It is answered below.
  }
  throw new Refusal(400, 'the body must be JSON: { "url": "https://…", "ttlSeconds": 3600 }');
}

function checkUrl(url) {
  if (typeof url === 'string' && URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol)) return url;
  throw new Refusal(400, `url must be an address that begins with http: or https:, not ${JSON.stringify(url)}`);
}

function checkTtl(seconds) {
  if (seconds === undefined) return undefined;
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= TTL_SECONDS_MAX) return seconds * 1000;
  throw new Refusal(400, `ttlSeconds must be a whole number from 1 to ${TTL_SECONDS_MAX}, not ${JSON.stringify(seconds)}`);
}

function checkName(name) {
  if (/^[\w-]{8}$/.test(name)) return name;
  throw new Refusal(404, `there is no link ${name}`);
}

const BODY_BYTES_MAX = 4_096;
const TTL_SECONDS_MAX = 366 * 24 * 3_600;
