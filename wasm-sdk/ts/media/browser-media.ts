import { ChunkedMedium } from './chunks.js';
import { indexedDbChunks } from './indexeddb.js';
import type { MakeMedium } from './pick.js';

/** What browsers have, the best first; `load` loads what OPFS needs. */
export function browserMedia(load: () => Promise<typeof import('./opfs-home.js')>): { opfs: MakeMedium; indexeddb: MakeMedium } {
  return {
    async opfs(name) {
      if (typeof FileSystemFileHandle === 'undefined') throw new Error('this runtime has no file system');
      const isHere = 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
      if (!isHere) throw new Error('only dedicated workers have it; hand one in: open({ worker })');
      return (await load()).openOpfs(name);
    },
    async indexeddb(name) {
      if (typeof indexedDB === 'undefined') throw new Error('this runtime has no IndexedDB');
      const chunks = await indexedDbChunks(name);
      if ((await chunks.names()).includes(IN_OPFS)) await (await load()).leaveOpfs(name, chunks);
      return new ChunkedMedium(chunks);
    },
  };
}

/** The mark in IndexedDB of a store that is in OPFS. */
export const IN_OPFS = 'in-opfs';
