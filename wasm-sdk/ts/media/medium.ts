import type { StorageKind } from '../types.js';

/** A file that a medium has, and its length in bytes. */
export interface StoredFile {
  readonly name: string;
  readonly length: number;
}

/**
 * Where a store keeps its files. Requests for one file take effect in the order in which they are made;
 * a request that cannot be carried out rejects, and the file may hold a part of what was written.
 */
export interface Medium {
  readonly kind: StorageKind;
  /** What is there. Called once, before everything else. */
  open(): Promise<readonly StoredFile[]>;
  /** Writes at the end of a file, which has `offset` bytes before and is made if it is not there. */
  append(name: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes durable what was appended before. */
  sync(name: string): Promise<void>;
  /** Reads; fewer bytes come back only at the end of the file. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>;
  /** Puts these bytes in the place of the whole file, atomically and durably. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Cuts the file to this length, durably. */
  truncate(name: string, length: number): Promise<void>;
  /** Removes the file. Not being there is no fault. */
  remove(name: string): Promise<void>;
  /** Lets go of everything; what was asked before is carried out first. */
  close(): Promise<void>;
}

/** Whether a medium says that no room is left. */
export function isFull(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'QuotaExceededError' || code === 'ENOSPC' || code === 'EDQUOT';
}
