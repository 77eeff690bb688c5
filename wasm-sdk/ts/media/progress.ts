import type { StorageInfo } from '../types.js';
import type { StoredFile } from './medium.js';

/** A place beside a storage that outlives it: it tells how far the store had come. */
export interface Notes {
  /** What was noted last. */
  readonly known: string | undefined;
  /** Notes something in its place, soon. */
  note(text: string): void;
}

/**
 * How far the log of a store has come: its newest segment, and how much of that is durable. Both only
 * grow, as no segment is removed before the next one has been begun. So a storage that has less than was
 * noted was cleared, or is an older one that has come back.
 */
export class Progress {
  #notes: Notes;
  #segment = '';
  #length = 0;

  constructor(notes: Notes) {
    this.#notes = notes;
  }

  /** What has become of the storage since the last note, by the files that it has now. */
  lossOf(files: readonly StoredFile[]): StorageInfo['loss'] {
    const [segment, length] = this.#notes.known?.split('/') ?? [];
    const logs = files.filter(({ name }) => name.startsWith(LOG));
    const newest = logs.reduce((a, b) => (a.name > b.name ? a : b), { name: '', length: 0 });
    this.#segment = newest.name;
    this.#length = newest.length;
    if (!segment || newest.name > segment) return undefined;
    if (newest.name === segment && newest.length >= Number(length)) return undefined;
    this.#notes.note(`${newest.name}/${newest.length}`);
    return files.length === 0 ? 'evicted' : 'rolled-back';
  }

  /** A file has so many bytes. */
  appended(name: string, length: number): void {
    if (!name.startsWith(LOG) || name < this.#segment) return;
    this.#segment = name;
    this.#length = length;
  }

  /** What this file has now will be durable: calls what is returned when it is. */
  syncing(name: string): () => void {
    const [segment, length] = [this.#segment, this.#length];
    return () => {
      const text = `${segment}/${length}`;
      if (name === segment && text !== this.#notes.known) this.#notes.note(text);
    };
  }
}

/** Notes that `save` saves: one at once, and what comes soon after it together. */
export function notesOf(known: string | undefined, save: (text: string) => void): Notes {
  let isWaiting = false;
  let saved = known;
  const saveNow = (): void => {
    isWaiting = saved !== notes.known;
    if (!isWaiting) return;
    saved = notes.known;
    save(saved ?? '');
    setTimeout(saveNow, NOTE_MS);
  };
  const notes = {
    known,
    note(text: string) {
      notes.known = text;
      if (!isWaiting) saveNow();
    },
  };
  return notes;
}

/** Notes about the store `name` in what the page's site has for small things, if it may have that. */
export function notesOfPage(name: string): Notes | undefined {
  try {
    const storage = globalThis.localStorage;
    const key = `henge:${name}`;
    return notesOf(storage.getItem(key) ?? undefined, (text) => {
      try {
        storage.setItem(key, text);
      } catch {
        // It is full: what was noted before still holds.
      }
    });
  } catch {
    // Forbidden here, as in a frame of another site.
    return undefined;
  }
}

/** How the names of log segments begin; their numbers have leading zeros. */
const LOG = 'log-';
/** How long a note may wait, in milliseconds: a part of a second of writes may be lost unseen. */
const NOTE_MS = 500;
