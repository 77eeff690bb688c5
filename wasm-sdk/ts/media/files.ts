import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../errors.js';
import type { Medium, StoredFile } from './medium.js';

/** Files in a folder, of Node.js, Deno and Bun. */
export class FileMedium implements Medium {
  readonly kind = 'fs';
  #folder: string;
  #handles = new Map<string, Promise<FileHandle>>();
  #queues = new Map<string, Promise<unknown>>();
  #lock: FileHandle | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(): Promise<readonly StoredFile[]> {
    await mkdir(this.#folder, { recursive: true });
    this.#lock = await takeLock(join(this.#folder, LOCK));
    const names = (await readdir(this.#folder)).filter((name) => name !== LOCK);
    const files = await Promise.all(
      names.map(async (name) => {
        // What a replacement has left that was cut off.
        if (name.endsWith(NEW)) await rm(this.#path(name));
        return { name, length: name.endsWith(NEW) ? 0 : (await stat(this.#path(name))).size };
      }),
    );
    return files.filter(({ name }) => !name.endsWith(NEW));
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async () => {
      const isNew = !this.#handles.has(name) && offset === 0;
      const handle = await this.#handle(name);
      if (isNew) await this.#syncFolder();
      const { size } = await handle.stat();
      if (size !== offset) throw new Error(`${name} has ${size} bytes, not ${offset}`);
      for (let at = 0; at < bytes.length; ) {
        at += (await handle.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      }
    });
  }

  sync(name: string): Promise<void> {
    return this.#inTurn(name, async () => (await this.#handle(name)).datasync());
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#inTurn(name, async () => {
      const handle = await this.#handle(name);
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async () => {
      await this.#letGo(name);
      const path = this.#path(name);
      const handle = await open(path + NEW, 'w');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(path + NEW, path);
      await this.#syncFolder();
    });
  }

  truncate(name: string, length: number): Promise<void> {
    return this.#inTurn(name, async () => {
      const handle = await this.#handle(name);
      await handle.truncate(length);
      await handle.sync();
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      await this.#letGo(name);
      await rm(this.#path(name), { force: true });
      await this.#syncFolder();
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#queues.values());
    await Promise.all([...this.#handles.keys()].map((name) => this.#letGo(name)));
    if (!this.#lock) return;
    const path = join(this.#folder, LOCK);
    await rm(path, { force: true });
    await this.#lock.close();
    this.#lock = undefined;
    held.delete(path);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #handle(name: string): Promise<FileHandle> {
    let handle = this.#handles.get(name);
    if (!handle) {
      // For reading and writing; made if it is not there, and never emptied.
      handle = open(this.#path(name), 'r+').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return open(this.#path(name), 'wx+');
      });
      this.#handles.set(name, handle);
    }
    return handle;
  }

  async #letGo(name: string): Promise<void> {
    const handle = this.#handles.get(name);
    this.#handles.delete(name);
    await (await handle)?.close();
  }

  /** Makes it durable which files there are. */
  async #syncFolder(): Promise<void> {
    // Windows has no such thing, and does not need it.
    const folder = await open(this.#folder, 'r').catch(() => undefined);
    try {
      await folder?.sync();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    } finally {
      await folder?.close();
    }
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#queues.get(name) ?? Promise.resolve()).then(work);
    const queue = result.catch(() => undefined).then(() => {
      if (this.#queues.get(name) === queue) this.#queues.delete(name);
    });
    this.#queues.set(name, queue);
    return result;
  }
}

/** Takes the folder for this process; that of a process that is gone is taken over. */
async function takeLock(path: string): Promise<FileHandle> {
  if (held.has(path)) {
    throw new StoreError('STORAGE_UNAVAILABLE', 'the store is open in this process already; close() it first');
  }
  held.add(path);
  const mark = `${process.pid} ${crypto.randomUUID()}`;
  try {
    for (;;) {
      const lock = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      if (lock) {
        await lock.writeFile(mark);
        // Another process may have removed it, taking it for the old one.
        if ((await read(path)) === mark) return lock;
        await lock.close();
        continue;
      }
      const pid = Number.parseInt(await read(path), 10);
      if (pid !== process.pid && isAlive(pid)) {
        const advice = `end that first, or remove ${path} if it is no process of yours`;
        throw new StoreError('STORAGE_UNAVAILABLE', `the store is in use by process ${pid}; ${advice}`, { retryable: true });
      }
      await rm(path, { force: true });
    }
  } catch (error) {
    held.delete(path);
    throw error;
  }
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The locks of this process. */
const held = new Set<string>();
const LOCK = 'lock';
const NEW = '.new';
