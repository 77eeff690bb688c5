import { describe } from './codec.js';

/** One address or several. */
export type Urls = string | URL | readonly (string | URL)[];

/** The WebSocket addresses that `urls` stand for; `call` takes them. */
export function socketUrls(call: string, urls: Urls): string[] {
  const list = typeof urls === 'string' || urls instanceof URL ? [urls] : urls;
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(`${call} takes ${ALLOWED}, not ${describe(urls)}`);
  }
  return list.map((address) => socketUrl(call, address));
}

function socketUrl(call: string, address: unknown): string {
  const url = parse(address);
  const protocol = SOCKET_PROTOCOLS[url?.protocol ?? ''];
  if (!url || !protocol) throw new TypeError(`${call} takes ${ALLOWED}, not ${describe(address)}`);
  const path = url.pathname.replace(/\/+$/, '');
  return `${protocol}//${url.host}${path.endsWith(PATH) ? path : path + PATH}${url.search}`;
}

function parse(address: unknown): URL | undefined {
  if (address instanceof URL) return address;
  if (typeof address !== 'string') return undefined;
  // In a page, an address may be relative to it.
  const base = address.startsWith('/') ? globalThis.location?.href : undefined;
  try {
    return new URL(address, base);
  } catch {
    return undefined;
  }
}

const PATH = '/v1/ws';
const SOCKET_PROTOCOLS: Record<string, string> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
};
const ALLOWED = 'an address like "http://127.0.0.1:7301" (http, https, ws or wss), or a list of them';
