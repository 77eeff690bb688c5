/** Starts the service, and ends it so that nobody notices. */

import { connect } from 'henge';
import { serviceOf } from './service.js';

const { HENGE_URLS = 'http://127.0.0.1:7301 http://127.0.0.1:7302 http://127.0.0.1:7303', HOST = '127.0.0.1', PORT = '8080' } = process.env;

let isEnding = false;
const store = await connect(HENGE_URLS.split(' '));
const tellStatus = ({ state, member }) => console.log(`the ring: ${state}${member ? ` to ${member}` : ''}`);
tellStatus(store.status);
store.onStatus(tellStatus);

const server = serviceOf(store, () => isEnding);
server.listen(Number(PORT), HOST, () => console.log(`serving at http://${HOST}:${server.address().port}`));

async function end(signal) {
  if (isEnding) return;
  isEnding = true;
  console.log(`${signal}: what is under way is finished`);
  // Connections that are kept alive without a request would hold it up.
  server.close();
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), END_MS_MAX);
  await new Promise((resolve) => server.once('close', resolve));
  clearTimeout(late);
  await store.close();
  console.log('ended');
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end);

const END_MS_MAX = 10_000;
