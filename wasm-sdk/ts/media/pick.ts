import { StoreError } from '../errors.js';
import type { OpenOptions, StorageKind } from '../types.js';
import { ChunkedMedium } from './chunks.js';
import type { Medium } from './medium.js';
import { memoryChunks } from './memory.js';

/** The medium of a store, and why it is not a better one. */
export interface Picked {
  medium: Medium;
  reason: string | undefined;
}

/** Picks the medium for the store `name`. */
export type PickMedium = (
  name: string,
  storage: NonNullable<OpenOptions['storage']>,
  folder: string | undefined,
) => Promise<Picked>;

/** Makes a medium, or throws why there is none here. */
export type MakeMedium = (name: string, folder: string | undefined) => Promise<Medium>;

/** What picks among the `media` of a runtime, the best first; memory is the last everywhere. */
export function picker(media: Readonly<Partial<Record<StorageKind, MakeMedium>>>): PickMedium {
  const all: Partial<Record<StorageKind, MakeMedium>> = { ...media, memory: async () => new ChunkedMedium(memoryChunks()) };
  return async (name, storage, folder) => {
    if (typeof storage === 'object') return { medium: new ChunkedMedium(storage), reason: undefined };
    if (storage !== 'auto') {
      const make = all[storage];
      if (!make) throw new TypeError(`storage must be one of auto, ${Object.keys(all).join(', ')} here, or a store of chunks; not ${storage}`);
      try {
        return { medium: await make(name, folder), reason: undefined };
      } catch (cause) {
        throw new StoreError('STORAGE_UNAVAILABLE', `no ${storage} here (${(cause as Error).message})`, { cause });
      }
    }
    const reasons: string[] = [];
    for (const [kind, make] of Object.entries(all)) {
      try {
        return { medium: await make(name, folder), reason: reasons.join('; ') || undefined };
      } catch (error) {
        reasons.push(`no ${kind} here (${(error as Error).message})`);
      }
    }
    throw new StoreError('INTERNAL', 'there is always memory');
  };
}
