import { ChunkedMedium } from './chunks.js';
import { indexedDbChunks } from './indexeddb.js';
import { picker } from './pick.js';

/** The media of browsers, and of runtimes that have some of theirs. */
export const medium = picker({
  indexeddb: async (name) => {
    if (typeof indexedDB === 'undefined') throw new Error('this runtime has no IndexedDB');
    return new ChunkedMedium(await indexedDbChunks(name));
  },
});
