/** What a node is told at its start, and what the members agree on: `core/src/config.rs`, `core/src/cluster/`. */
import type { Level } from '../types.js';
import { type Reader, Writer } from './postcard.js';

/** How the keys of a bucket are treated. */
export interface BucketSettings {
  readonly policy: 'lww' | 'siblings';
  readonly r: Level;
  readonly w: Level;
  readonly ttlMs: number | undefined;
}

/** One member of the cluster. */
export interface Member {
  readonly id: bigint;
  readonly name: string;
}

/** What all members are told alike. */
export interface ClusterSettings {
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Of the bucket `default`. */
  readonly defaults: BucketSettings;
}

/** The cluster's number, its partitions, and the largest key and value together, in bytes. */
export const CLUSTER = 0x7e57n;
export const PARTITIONS = 64;
export const PAIR_BYTES_MAX = 10 * 1_024;

/** The settings of member `me`, as the guest takes them. */
export function encodeConfig({ members, replicas, defaults }: ClusterSettings, me: bigint): Uint8Array {
  const writer = new Writer().varint(CLUSTER).varint(me);
  writer.list(members, ({ id, name }) => writer.varint(id).text(name).text(`memory/${name}`).varint(1));
  // It does not join, and its address is its name.
  writer.u8(0).text('');
  writer.varint(PARTITIONS).u8(replicas);
  // It is the first of one shard.
  writer.varint(0).varint(1);
  writePolicy(writer, defaults);
  writer.varint(PAIR_BYTES_MAX).varint(MEMORY_BYTES_MAX).varint(SYNC_ROUND_MS).varint(HORIZON_MS);
  // No sloppy quorums.
  return writer.u8(0).varint(WATCH_TAIL_BYTES_MAX).taken();
}

/** Writes the settings of a bucket. */
export function writeSettings(writer: Writer, settings: BucketSettings): Writer {
  writePolicy(writer, settings);
  return writer.option(settings.ttlMs, (ttlMs) => writer.varint(ttlMs));
}

function writePolicy(writer: Writer, { policy, r, w }: BucketSettings): void {
  writer.varint(POLICIES.indexOf(policy));
  for (const level of [r, w]) {
    if (typeof level === 'number') writer.varint(LEVELS.length).u8(level);
    else writer.varint(LEVELS.indexOf(level));
  }
}

/** Reads past a state of the cluster; what is wanted are the names of its buckets, by their ids from 1 on. */
export function readBucketNames(reader: Reader): string[] {
  const big = (): bigint => reader.big();
  const owners = (): bigint[] => reader.list(big);
  // Epoch and origin.
  big();
  big();
  // The placement: members, partitions, replicas, table.
  reader.list(() => [big(), reader.text(), reader.text(), big()]);
  big();
  reader.u8();
  reader.list(big);
  // Who owns each partition: a version, the lists of its phase, since when each is an owner.
  reader.list(() => {
    big();
    const lists = OWNER_LISTS[reader.number()];
    if (lists === undefined) throw new Error('an ownership is in a phase that this host does not know');
    for (let left = lists; left > 0; left--) owners();
    reader.list(() => [big(), big()]);
  });
  // Incarnation and address of each member.
  reader.list(() => [big(), big(), reader.text()]);
  return reader.list(() => {
    const name = reader.text();
    // Revision and policy.
    big();
    big();
    for (let levels = 2; levels > 0; levels--) if (reader.number() === LEVELS.length) reader.u8();
    reader.option(big);
    return name;
  });
}

export const POLICIES = ['lww', 'siblings'] as const;
/** Levels by their numbers; the next number is that of a number of replicas. */
export const LEVELS: readonly Level[] = ['one', 'quorum', 'all', 'local_quorum', 'each_quorum'];
/** How many lists of owners each phase of an ownership has: settled, copying, switched. */
const OWNER_LISTS = [1, 3, 2];
const MEMORY_BYTES_MAX = 16 * 1_024 * 1_024;
const SYNC_ROUND_MS = 5_000;
const HORIZON_MS = 24 * 3_600 * 1_000;
const WATCH_TAIL_BYTES_MAX = 1_024 * 1_024;
