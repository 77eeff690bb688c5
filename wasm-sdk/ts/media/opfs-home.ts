import { IN_OPFS } from './browser-media.js';
import type { ChunkStore } from './chunks.js';
import { ChunkedMedium } from './chunks.js';
import { indexedDbChunks } from './indexeddb.js';
import type { Medium } from './medium.js';
import { OpfsMedium, type SyncHandle } from './opfs.js';

/** A file, where it can be opened to be read and written at once. */
type SyncFile = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> };

/**
 * The files of the store `name` in the site's own file system, for a dedicated worker. A store is either
 * there or in IndexedDB, where a mark says that it is not; if it is in IndexedDB it is moved.
 */
export async function openOpfs(name: string): Promise<Medium> {
  const [chunks, medium] = await settled([
    indexedDbChunks(name),
    OpfsMedium.at(
      () => opfsFolder(name),
      (file) => (file as SyncFile).createSyncAccessHandle(),
    ),
  ]);
  try {
    const names = await chunks.names();
    if (!names.includes(IN_OPFS)) {
      if (names.length > 0) await copy(new ChunkedMedium(chunks), medium);
      await chunks.commit([[IN_OPFS, new Uint8Array()]], names);
    }
    return medium;
  } catch (error) {
    await medium.close();
    throw error;
  } finally {
    await chunks.close();
  }
}

/** Moves the store `name` into `chunks`, the way back: for a page without a worker. */
export async function leaveOpfs(name: string, chunks: ChunkStore): Promise<void> {
  const medium = await OpfsMedium.at(() => opfsFolder(name), readOnly);
  await copy(medium, new ChunkedMedium(chunks));
  await chunks.commit([], [IN_OPFS]);
  await (await storesFolder()).removeEntry(name, { recursive: true }).catch(() => undefined);
}

/** Puts all files of `from` into the place of those of `to`, durably. */
async function copy(from: Medium, to: Medium): Promise<void> {
  for (const { name } of await to.open()) await to.remove(name);
  for (const { name, length } of await from.open()) {
    await to.append(name, 0, await from.read(name, 0, length));
    await to.sync(name);
  }
}

/** A file as it is now, which nobody else may be writing. */
async function readOnly(file: FileSystemFileHandle): Promise<SyncHandle> {
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  const none = (): never => {
    throw new Error('this file can only be read');
  };
  return {
    read(buffer, { at }) {
      const part = bytes.subarray(at, at + buffer.length);
      buffer.set(part);
      return part.length;
    },
    getSize: () => bytes.length,
    close: () => undefined,
    write: none,
    truncate: none,
    flush: none,
  };
}

async function opfsFolder(name: string): Promise<FileSystemDirectoryHandle> {
  return (await storesFolder()).getDirectoryHandle(name, { create: true });
}

async function storesFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle('henge', { create: true });
}

/** Both, or neither: what one has opened is closed when the other fails. */
async function settled<A extends { close(): Promise<void> }, B extends { close(): Promise<void> }>(both: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  const outcomes = await Promise.allSettled(both);
  const failed = outcomes.find((it) => it.status === 'rejected');
  if (!failed) return Promise.all(both);
  for (const it of outcomes) if (it.status === 'fulfilled') await it.value.close();
  throw failed.reason;
}

