import { type FileName, type StorageRequest, type StorageResult, type StoredFile } from './abi.js';

/** The files of one node, in memory. What was not synced is gone after a {@link Files.crash}. */
export class Files {
  #files = new Map<string, MemoryFile>();
  #bytes = 0;

  /** All files that there are, by kind and number. */
  list(): StoredFile[] {
    const files = [...this.#files.values()].map(({ name, length }) => ({ name, length }));
    return files.sort((a, b) => a.name.kind - b.name.kind || Number(a.name.number - b.name.number));
  }

  /** Carries out one request, and keeps its bytes: the contract is that of `core/src/storage/contract.rs`. */
  execute(request: StorageRequest): StorageResult {
    const file = this.#files.get(id(request.file));
    switch (request.kind) {
      case 'append':
        return this.#append(file ?? this.#create(request.file), request.offset, request.bytes);
      case 'sync':
        if (!file) return missing(request.file);
        file.durable = file.length;
        return DONE;
      case 'read':
        if (!file) return missing(request.file);
        return { bytes: file.bytes.slice(request.offset, Math.min(file.length, request.offset + request.length)) };
      case 'replace':
        return this.#replace(file ?? this.#create(request.file), request.bytes);
      case 'truncate':
        return this.#truncate(file ?? this.#create(request.file), request.length);
      case 'delete':
        if (file) this.#remove(file);
        return DONE;
    }
  }

  /** What a power cut does: every file is as it was when it was synced last. */
  crash(): void {
    for (const file of this.#files.values()) {
      if (file.durable === undefined) this.#remove(file);
      else this.#resize(file, file.durable);
    }
  }

  #append(file: MemoryFile, offset: number, bytes: Uint8Array): StorageResult {
    if (file.length !== offset) return { fault: `${id(file.name)} is ${file.length} bytes long, not ${offset}` };
    if (this.#bytes + bytes.length > BYTES_MAX) return { fault: 'full' };
    if (offset + bytes.length > file.bytes.length) {
      const larger = new Uint8Array(Math.max(offset + bytes.length, 2 * file.bytes.length));
      larger.set(file.bytes);
      file.bytes = larger;
    }
    file.bytes.set(bytes, offset);
    this.#resize(file, offset + bytes.length);
    return DONE;
  }

  #replace(file: MemoryFile, bytes: Uint8Array): StorageResult {
    if (this.#bytes - file.length + bytes.length > BYTES_MAX) return { fault: 'full' };
    file.bytes = bytes;
    this.#resize(file, bytes.length);
    file.durable = file.length;
    return DONE;
  }

  #truncate(file: MemoryFile, length: number): StorageResult {
    if (length > file.length) return { fault: `${id(file.name)} is ${file.length} bytes long and cannot be cut to ${length}` };
    this.#resize(file, length);
    file.durable = length;
    return DONE;
  }

  #create(name: FileName): MemoryFile {
    const file = { name, bytes: new Uint8Array(0), length: 0, durable: undefined };
    this.#files.set(id(name), file);
    return file;
  }

  #remove(file: MemoryFile): void {
    this.#resize(file, 0);
    this.#files.delete(id(file.name));
  }

  #resize(file: MemoryFile, length: number): void {
    this.#bytes += length - file.length;
    file.length = length;
  }
}

interface MemoryFile {
  readonly name: FileName;
  /** With room behind what it holds. */
  bytes: Uint8Array;
  length: number;
  /** How long it was when it was synced last, if it was. */
  durable: number | undefined;
}

const id = ({ kind, number }: FileName): string => `${FILE_KINDS[kind]}-${number}`;
const missing = (name: FileName): StorageResult => ({ fault: `there is no ${id(name)}` });

const DONE: StorageResult = {};
const FILE_KINDS = ['log', 'table', 'manifest'];
/** What the files of one node may come to; beyond it the medium is full. */
const BYTES_MAX = 256 * 1_024 * 1_024;
