/** What tests of stores in pages need: stones, a site that serves the installed package, and a look at the ring. */

import { join } from 'node:path';

import { installTarball, removeProject } from '../packaging/tarball.mjs';
import { Stones } from '../runtimes/stones.mjs';
import { connect } from '../../wasm-sdk/dist/index.js';
import { serveFiles } from './files.mjs';

/**
 * Starts all of it; `page` is what the site serves at `/`. At `/clear` it tells the browser to clear its storage, as
 * sites do when somebody signs out. `end()` ends what has been started.
 */
export async function startPlace(page = '<!doctype html><link rel="icon" href="data:,">') {
  const place = {};
  place.end = async () => {
    await place.ring?.close();
    place.site?.end();
    await place.stones?.end();
    if (place.project) await removeProject(place.project);
  };
  try {
    // A write that is applied twice leaves a sibling.
    place.stones = await Stones.start(3, ['--policy=siblings']);
    place.project = await installTarball();
    place.site = await serveFiles(join(place.project, 'node_modules/henge/dist'), page, { headers: HEADERS, serve: serveClearing });
    place.ring = await connect(place.stones.urls);
    return place;
  } catch (error) {
    await place.end();
    throw error;
  }
}

function serveClearing(request, response) {
  if (request.url !== '/clear') return false;
  response.writeHead(200, { 'clear-site-data': '"storage"' });
  response.end();
  return true;
}

/** A frame that is of no site loads the package as well. */
const HEADERS = { 'access-control-allow-origin': '*' };
