import { StoreError } from '../errors.js';
import type { Medium, StoredFile } from './medium.js';
import { readSlot, slotBytes, SLOT_HEAD_BYTES } from './opfs-slot.js';

/** A handle that reads and writes at once; only dedicated workers have them, and a file has one at a time. */
export interface SyncHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(length: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** Opens a file for reading and writing, or only for reading. */
export type TakeFile = (file: FileSystemFileHandle) => Promise<SyncHandle>;

/** A file of the store. */
interface OpfsFile {
  /** Its length in bytes. */
  length: number;
  /** Where its bytes are: in a file of its name, or in one of two slots that take turns. */
  slot: Slot | undefined;
  /** The last request; the next waits for it. */
  queue: Promise<unknown>;
}

/** The slot that counts, and how often the file was replaced. */
interface Slot {
  readonly index: 0 | 1;
  readonly sequence: number;
}

/**
 * Files of the site's own file system, which nobody else sees. Handles stay open, as opening one takes
 * longer than writing. A file that is replaced has two slots: the new bytes are written with a checksum
 * into the one that does not count, which counts from then on; so a crash leaves the old bytes or the new.
 */
export class OpfsMedium implements Medium {
  readonly kind = 'opfs';
  #folder: FileSystemDirectoryHandle;
  #findFolder: () => Promise<FileSystemDirectoryHandle>;
  #takeFile: TakeFile;
  #files = new Map<string, OpfsFile>();
  /** Open handles by the names of their files here, the latest used last. */
  #handles = new Map<string, Promise<SyncHandle>>();
  #lock: SyncHandle | undefined;
  #isGone = false;
  #checking: ReturnType<typeof setTimeout> | undefined;

  /** Takes the store in the folder that `findFolder` finds or makes, for this medium alone, and looks at what is there. */
  static async at(findFolder: () => Promise<FileSystemDirectoryHandle>, takeFile: TakeFile): Promise<OpfsMedium> {
    const medium = new OpfsMedium(await findFolder(), findFolder, takeFile);
    try {
      await medium.#find();
      return medium;
    } catch (error) {
      await medium.close();
      throw error;
    }
  }

  private constructor(folder: FileSystemDirectoryHandle, findFolder: () => Promise<FileSystemDirectoryHandle>, takeFile: TakeFile) {
    this.#folder = folder;
    this.#findFolder = findFolder;
    this.#takeFile = takeFile;
  }

  async open(): Promise<readonly StoredFile[]> {
    return Array.from(this.#files, ([name, { length }]) => ({ name, length }));
  }

  append(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (file) => {
      checkPlain(name, file);
      if (file.length !== offset) throw new Error(`${name} has ${file.length} bytes, not ${offset}`);
      const handle = await this.#handle(name);
      try {
        writeAll(handle, bytes, offset);
      } catch (error) {
        // What is there of it must not stand before what is appended next.
        handle.truncate(offset);
        throw error;
      }
      file.length += bytes.length;
    });
  }

  sync(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      (await this.#handle(name)).flush();
      this.#checkSoon();
    });
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#inTurn(name, async (file) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, file.length - offset)));
      if (bytes.length === 0) return bytes;
      const handle = await this.#handle(file.slot ? slotName(name, file.slot.index) : name);
      const got = handle.read(bytes, { at: offset + (file.slot ? SLOT_HEAD_BYTES : 0) });
      if (got !== bytes.length) throw new Error(`${name} has ${got} of ${bytes.length} bytes at ${offset}; was the storage cleared?`);
      return bytes;
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(name, async (file) => {
      const slot: Slot = { index: file.slot?.index === 0 ? 1 : 0, sequence: (file.slot?.sequence ?? 0) + 1 };
      const whole = await slotBytes(slot.sequence, bytes);
      const handle = await this.#handle(slotName(name, slot.index));
      writeAll(handle, whole, 0);
      handle.truncate(whole.length);
      handle.flush();
      Object.assign(file, { slot, length: bytes.length });
    });
  }

  truncate(name: string, length: number): Promise<void> {
    return this.#inTurn(name, async (file) => {
      checkPlain(name, file);
      const handle = await this.#handle(name);
      handle.truncate(length);
      handle.flush();
      file.length = length;
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      for (const stored of [name, slotName(name, 0), slotName(name, 1)]) {
        await this.#letGo(stored);
        await this.#folder.removeEntry(stored).catch((error: Error) => {
          if (error.name !== 'NotFoundError') throw error;
        });
      }
      this.#files.delete(name);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#checking);
    await Promise.allSettled(Array.from(this.#files.values(), (file) => file.queue));
    // Chromium never returns from closing a handle whose file is gone; it does when there is one of its name.
    const names = this.#isGone ? [LOCK, ...this.#handles.keys()] : [];
    const folder = this.#isGone ? await this.#findFolder() : this.#folder;
    for (const name of names) await folder.getFileHandle(name, { create: true });
    await Promise.allSettled([...this.#handles.keys()].map((name) => this.#letGo(name)));
    this.#lock?.close();
    this.#lock = undefined;
    for (const name of names) await folder.removeEntry(name);
  }

  async #find(): Promise<void> {
    this.#lock = await this.#take(LOCK);
    const names: string[] = [];
    for await (const name of this.#folder.keys()) if (name !== LOCK) names.push(name);
    const plain = names.filter((name) => !SLOT.test(name));
    await Promise.all(plain.map(async (name) => this.#files.set(name, newFile((await this.#handle(name)).getSize()))));
    const slotted = new Set(names.filter((name) => SLOT.test(name)).map((name) => name.replace(SLOT, '')));
    await Promise.all([...slotted].map((name) => this.#openSlots(name)));
  }

  /** Finds out which of a file's slots counts; without one that is whole it was never there. */
  async #openSlots(name: string): Promise<void> {
    const found = await Promise.all(
      ([0, 1] as const).map(async (index) => {
        const handle = await this.#handle(slotName(name, index));
        const bytes = new Uint8Array(handle.getSize());
        handle.read(bytes, { at: 0 });
        const slot = await readSlot(bytes);
        return slot && { index, sequence: slot.sequence, length: slot.length };
      }),
    );
    const [newest] = found.filter((it) => it !== undefined).sort((a, b) => b.sequence - a.sequence);
    if (newest) this.#files.set(name, { ...newFile(newest.length), slot: newest });
  }

  /** The handle of a file, which is made if it is not there. */
  #handle(name: string): Promise<SyncHandle> {
    const handle = this.#handles.get(name) ?? this.#take(name);
    this.#handles.delete(name);
    this.#handles.set(name, handle);
    handle.catch(() => this.#handles.delete(name));
    const [oldest] = this.#handles.keys();
    if (oldest !== undefined && this.#handles.size > HANDLES_MAX) void this.#letGo(oldest);
    return handle;
  }

  /** Opens a file; one that a page has which has just ended is free in a moment. */
  async #take(name: string): Promise<SyncHandle> {
    const file = await this.#folder.getFileHandle(name, { create: true });
    const last = performance.now() + TAKEN_MS_MAX;
    for (let pause = 10; ; pause = Math.min(2 * pause, 500)) {
      try {
        return await this.#takeFile(file);
      } catch (cause) {
        if ((cause as Error).name !== 'NoModificationAllowedError') throw cause;
        if (performance.now() + pause > last) {
          const message = `another page or worker of this site has its files open, and kept them for ${TAKEN_MS_MAX / 1_000} s`;
          throw new StoreError('STORAGE_UNAVAILABLE', message, { retryable: true, cause });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #letGo(name: string): Promise<void> {
    const handle = this.#handles.get(name);
    this.#handles.delete(name);
    (await handle)?.close();
  }

  /** Handles go on working when the site's storage was cleared: what they write is nowhere. */
  #checkSoon(): void {
    this.#checking ??= setTimeout(async () => {
      this.#checking = undefined;
      try {
        await this.#folder.getFileHandle(LOCK);
      } catch {
        this.#isGone = true;
      }
    }, CHECK_MS);
  }

  #inTurn<T>(name: string, work: (file: OpfsFile) => Promise<T>): Promise<T> {
    let file = this.#files.get(name);
    if (!file) {
      file = newFile(0);
      this.#files.set(name, file);
    }
    const own = file;
    const result = own.queue.then(() => {
      if (this.#isGone) throw new Error('the storage of this site was cleared');
      return work(own);
    });
    own.queue = result.catch(() => undefined);
    return result;
  }
}

function newFile(length: number): OpfsFile {
  return { length, slot: undefined, queue: Promise.resolve() };
}

function checkPlain(name: string, { slot }: OpfsFile): void {
  if (slot) throw new Error(`${name} was replaced; such files are not appended to or cut`);
}

function writeAll(handle: SyncHandle, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; ) {
    const written = handle.write(bytes.subarray(at), { at: offset + at });
    if (written === 0) throw new DOMException('nothing more can be written', 'QuotaExceededError');
    at += written;
  }
}

function slotName(name: string, index: 0 | 1): string {
  return `${name}.${index}`;
}

/** The end of a slot's name. */
const SLOT = /\.[01]$/;
/** Taken by who uses the store. */
const LOCK = 'lock';
/** How long a handle is tried for, in milliseconds. */
const TAKEN_MS_MAX = 5_000;
/** How long after a write it is found out whether the storage was cleared, in milliseconds. */
const CHECK_MS = 1_000;
/** Most handles that are open at a time, besides the lock. */
const HANDLES_MAX = 64;
