/** Henge in the page, with IndexedDB. */

import { hengeStore } from '../henge-store.mjs';

export const { open, settle, sync } = hengeStore({}, 'indexeddb');
