import { lockProblem } from '../tabs/locks.js';
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
      await checkLocks();
      return (await load()).openOpfs(name);
    },
    async indexeddb(name) {
      if (typeof indexedDB === 'undefined') throw new Error('this runtime has no IndexedDB');
      await checkLocks();
      const chunks = await indexedDbChunks(name);
      const names = await chunks.names();
      if (!names.includes(IN_OPFS)) return new ChunkedMedium({ ...chunks, names: async () => names });
      await (await load()).leaveOpfs(name, chunks);
      return new ChunkedMedium(chunks);
    },
  };
}

/** Two tabs that write into one storage at once would lose what they have written. */
async function checkLocks(): Promise<void> {
  const problem = await lockProblem();
  if (problem) throw new Error(problem);
}

/** The mark in IndexedDB of a store that is in OPFS. */
export const IN_OPFS = 'in-opfs';
