/**
 * The part of CouchDB's replication protocol that a pull takes ("Replication protocol" in CouchDB's
 * documentation), answered from memory.
 */

import { createHash } from 'node:crypto';

import { answer, bodyOf } from './json.mjs';

/** Takes requests at and below `path`; the database has a document for each of `pairs`. */
export function couchServer(path, pairs) {
  const documents = pairs.map(([_id, value]) => {
    const hash = createHash('md5').update(value).digest('hex');
    return { _id, _rev: `1-${hash}`, value, _revisions: { start: 1, ids: [hash] } };
  });
  const byId = new Map(documents.map((it) => [it._id, it]));
  const handlers = {
    '': () => ({ db_name: 'pairs', doc_count: documents.length, update_seq: documents.length, instance_start_time: '0' }),
    _changes(url) {
      const since = Number(url.searchParams.get('since') ?? 0);
      const limit = Number(url.searchParams.get('limit') ?? documents.length);
      const part = documents.slice(since, since + limit);
      const results = part.map(({ _id, _rev }, index) => ({ seq: since + index + 1, id: _id, changes: [{ rev: _rev }] }));
      return { results, last_seq: since + results.length };
    },
    async _bulk_get(_, request) {
      const { docs } = JSON.parse(await bodyOf(request));
      return { results: docs.map(({ id }) => ({ id, docs: [{ ok: byId.get(id) }] })) };
    },
  };
  return (request, response) => {
    const url = new URL(request.url, 'http://site');
    if (url.pathname !== path && !url.pathname.startsWith(`${path}/`)) return false;
    const [, name = ''] = url.pathname.slice(path.length).split('/');
    if (name === '_local') void serveCheckpoint(request, response);
    else void Promise.resolve(handlers[name]?.(url, request)).then((found) => answer(response, found));
    return true;
  };
}

/** Where a replication has come to: never known, as each page is new. */
async function serveCheckpoint(request, response) {
  if (request.method !== 'PUT') return answer(response, undefined);
  const { _id } = JSON.parse(await bodyOf(request));
  answer(response, { ok: true, id: _id, rev: '0-1' }, 201);
}
