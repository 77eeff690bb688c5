/** Requests and answers in JSON. */

import { text } from 'node:stream/consumers';

/** The body of `request`. */
export const bodyOf = (request) => text(request);

/** Answers with `found`, or says that there is nothing. */
export function answer(response, found, status = 200) {
  response.writeHead(found === undefined ? 404 : status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(found ?? { error: 'not_found', reason: 'missing' }));
}
