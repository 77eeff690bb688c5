/** Short links in a store. */

import { randomBytes } from 'node:crypto';

/**
 * A link, and under which name.
 * @typedef {{ name: string, url: string }} Link
 */

/** All links. @param {import('henge').Store} store */
export function linksOf(store) {
  const links = store.namespace('link/');
  return {
    /** Makes a link, which ends after `ttlMs` if that is given. It is on a quorum of the stones when this resolves. */
    async add(url, ttlMs) {
      // Nobody else draws the same 48 bits, so there is nothing to check before.
      const name = randomBytes(6).toString('base64url');
      await links.put(name, url, { ttlMs, timeoutMs: TIMEOUT_MS });
      return { name, url };
    },

    /** Where a link leads; `undefined` if there is none. @returns {Promise<string | undefined>} */
    find: (name) => links.get(name, { timeoutMs: TIMEOUT_MS }),

    /** Deletes a link. */
    remove: (name) => links.delete(name, { timeoutMs: TIMEOUT_MS }),

    /** Some links, those behind `after`; and the last of them if there are more. @returns {Promise<{ links: Link[], next?: string }>} */
    async page(after) {
      const listing = links.list({ limit: PAGE, cursor: after });
      const found = (await listing.toArray()).map(({ key, value }) => ({ name: key, url: value }));
      return { links: found, next: listing.cursor };
    },
  };
}

/** Who asks is still there, and a stone that has just died is not waited for in vain. */
const TIMEOUT_MS = 3_000;
const PAGE = 100;
