/** What crosses the memory of a guest, as far as this host needs it: `core/src/node/{input,output}.rs`. */
import { Reader, Writer } from './postcard.js';
import { readBucketNames, writeSettings, type BucketSettings } from './settings.js';

/** A file's name: its kind (log, table, manifest, from 0 on) and its number. */
export interface FileName {
  readonly kind: number;
  readonly number: bigint;
}

/** A file that is there. */
export interface StoredFile {
  readonly name: FileName;
  /** In bytes. */
  readonly length: number;
}

/** What a node wants done with a file. */
export type StorageRequest =
  | { readonly kind: 'append'; readonly file: FileName; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sync'; readonly file: FileName }
  | { readonly kind: 'read'; readonly file: FileName; readonly offset: number; readonly length: number }
  | { readonly kind: 'replace'; readonly file: FileName; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: FileName; readonly length: number }
  | { readonly kind: 'delete'; readonly file: FileName };

/** How it went: done, what was read, or why not. */
export type StorageResult = { readonly bytes?: Uint8Array } | { readonly fault: 'full' | (string & {}) };

/** One input, as bytes. */
export const input = {
  opened: (files: readonly StoredFile[]): Uint8Array => {
    const writer = new Writer().varint(INPUTS.opened);
    return writer.list(files, ({ name, length }) => writer.varint(name.kind).varint(name.number).varint(length)).taken();
  },
  storageDone: (operation: bigint, result: StorageResult): Uint8Array => {
    const writer = new Writer().varint(INPUTS.storageDone).varint(operation);
    if (!('fault' in result)) {
      return result.bytes ? writer.varint(0).varint(1).bytes(result.bytes).taken() : writer.varint(0).varint(0).taken();
    }
    return result.fault === 'full' ? writer.varint(1).varint(0).taken() : writer.varint(1).varint(1).text(result.fault).taken();
  },
  peerUp: (member: bigint): Uint8Array => new Writer().varint(INPUTS.peerUp).varint(member).taken(),
  peerDown: (member: bigint): Uint8Array => new Writer().varint(INPUTS.peerDown).varint(member).taken(),
  peer: (from: bigint, frame: Uint8Array): Uint8Array => new Writer().varint(INPUTS.peer).varint(from).bytes(frame).taken(),
  client: (client: number, frame: Uint8Array): Uint8Array => new Writer().varint(INPUTS.client).varint(client).bytes(frame).taken(),
  clientGone: (client: number): Uint8Array => new Writer().varint(INPUTS.clientGone).varint(client).taken(),
  /** The wish that there be a bucket. */
  bucket: (name: string, settings: BucketSettings): Uint8Array => {
    const writer = new Writer().varint(INPUTS.wish).varint(BUCKET_CHANGE).text(name).varint(0);
    return writeSettings(writer, settings).taken();
  },
  timeout: (): Uint8Array => new Writer().varint(INPUTS.timeout).taken(),
} as const;

/** One output. Frames are views, good until the guest is called again. */
export type Output =
  | { readonly kind: 'peer'; readonly to: bigint; readonly frame: Uint8Array }
  | { readonly kind: 'client'; readonly client: number; readonly frame: Uint8Array }
  | { readonly kind: 'storage'; readonly operation: bigint; readonly request: StorageRequest }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly why: string }
  /** Something that people may want to know. */
  | { readonly kind: 'said' }
  | { readonly kind: 'cluster'; readonly buckets: readonly string[] };

/** The outputs of a batch, one after the other. */
export function* outputs(batch: Uint8Array): Generator<Output> {
  for (const reader = new Reader(batch); !reader.isAtEnd; ) yield output(reader);
}

function output(reader: Reader): Output {
  const variant = reader.number();
  switch (variant) {
    case 0:
      return { kind: 'peer', to: reader.big(), frame: reader.bytes() };
    case 1:
      return { kind: 'client', client: reader.number(), frame: reader.bytes() };
    case 2:
      return { kind: 'storage', operation: reader.big(), request: storageRequest(reader) };
    case 4:
      return event(reader);
    case 5:
      return { kind: 'cluster', buckets: readBucketNames(reader) };
    default:
      throw new Error(`the guest says something (${variant}) that it was not asked for`);
  }
}

function storageRequest(reader: Reader): StorageRequest {
  const variant = reader.number();
  const file = { kind: reader.number(), number: reader.big() };
  switch (variant) {
    case 0:
      return { kind: 'append', file, offset: reader.number(), bytes: reader.bytes().slice() };
    case 1:
      return { kind: 'sync', file };
    case 2:
      return { kind: 'read', file, offset: reader.number(), length: reader.number() };
    case 3:
      return { kind: 'replace', file, bytes: reader.bytes().slice() };
    case 4:
      return { kind: 'truncate', file, length: reader.number() };
    case 5:
      return { kind: 'delete', file };
    default:
      throw new Error(`the guest asks something of its storage (${variant}) that this host does not know`);
  }
}

function event(reader: Reader): Output {
  const variant = reader.number();
  const numbers = (count: number): void => {
    for (let left = count; left > 0; left--) reader.big();
  };
  switch (variant) {
    case 0:
      numbers(3);
      return { kind: 'ready' };
    case 1:
      numbers(3);
      return { kind: 'said' };
    case 2:
      return { kind: 'said' };
    case 3:
      numbers(2);
      return { kind: 'failed', why: `a table is damaged: ${reader.text()}` };
    case 4:
      return { kind: 'failed', why: reader.text() };
    case 5:
      reader.text();
      return { kind: 'said' };
    default:
      throw new Error(`the guest tells something (${variant}) that this host does not know`);
  }
}

const INPUTS = { opened: 0, storageDone: 1, peerUp: 2, peerDown: 3, peer: 4, client: 5, wish: 7, timeout: 8, clientGone: 10 } as const;
const BUCKET_CHANGE = 5;
