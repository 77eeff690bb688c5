/** Henge in a worker of the page's, with OPFS. */

import { hengeStore } from '../henge-store.mjs';

const worker = () => new Worker('/worker.js', { type: 'module' });

export const { open, settle, sync } = hengeStore({ worker }, 'opfs');
