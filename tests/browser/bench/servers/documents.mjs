/** What RxDB's replication asks of a server that is one's own: documents in an order, from a checkpoint on. */

import { answer } from './json.mjs';

/** Takes requests at `path`; there is a document for each of `pairs`. */
export function documentServer(path, pairs) {
  const all = pairs.map(([id, value]) => ({ id, value, _deleted: false }));
  return (request, response) => {
    const url = new URL(request.url, 'http://site');
    if (url.pathname !== path) return false;
    const after = Number(url.searchParams.get('after'));
    const documents = all.slice(after, after + Number(url.searchParams.get('limit')));
    answer(response, { documents, checkpoint: { at: after + documents.length } });
    return true;
  };
}
