import { describe } from '../codec.js';
import { checkChoice, checkOptions } from '../options.js';
import type { Level } from '../types.js';
import { type BucketSettings, type ClusterSettings, LEVELS, POLICIES } from './settings.js';

/** How the keys of a bucket are treated. */
export interface BucketOptions {
  /** What concurrent writes become: the last one (`lww`), or siblings. `lww` if not given. */
  policy?: 'lww' | 'siblings' | undefined;
  /** Level of reads that name none; `quorum` if not given. */
  r?: Level | undefined;
  /** Level of writes that name none; `quorum` if not given. */
  w?: Level | undefined;
  /** How long values can be read that are put without a time to live, in milliseconds; for ever if not given. */
  ttlMs?: number | undefined;
}

/** Options of {@link cluster}. The policy and the levels are those of the bucket `default`. */
export interface ClusterOptions extends Omit<BucketOptions, 'ttlMs'> {
  /** How many nodes, 1 to 9; 3 if not given. */
  nodes?: number | undefined;
  /** Replicas of a key, 1 to 9; 3 if not given. Fewer where there are fewer nodes. */
  replicas?: number | undefined;
  /** The buckets that there are besides `default`, by name. What they leave out is that of `default`. */
  buckets?: Readonly<Record<string, BucketOptions>> | undefined;
}

/** A cluster as it was asked for. */
export interface Wanted {
  readonly settings: ClusterSettings;
  readonly buckets: readonly (readonly [name: string, settings: BucketSettings])[];
}

/** Checks `options` and adds what they leave out. */
export function wanted(options: ClusterOptions): Wanted {
  checkOptions('cluster()', OPTIONS, options);
  const { nodes, replicas, buckets = {}, ...of } = options;
  const count = checkCount('nodes', nodes);
  const members = Array.from({ length: count }, (_, index) => ({ id: BigInt(index + 1), name: `stone-${index + 1}` }));
  const settings = { members, replicas: checkCount('replicas', replicas) };
  const defaults = bucket(of, DEFAULTS, settings.replicas);
  const named = Object.entries(buckets).map(([name, it]) => namedBucket(name, it, defaults, settings.replicas));
  return { settings: { ...settings, defaults }, buckets: named };
}

function namedBucket(name: string, options: BucketOptions, defaults: BucketSettings, replicas: number): [string, BucketSettings] {
  if (!BUCKET_NAME.test(name) || name === 'default') {
    throw new TypeError(
      `a bucket's name is 1 to 64 characters of A-Z a-z 0-9 . _ -, a letter or digit first, and not "default"; not ${describe(name)}`,
    );
  }
  checkOptions(`bucket ${name}`, BUCKET_OPTIONS, options);
  return [name, bucket(options, defaults, replicas)];
}

function bucket({ policy, r, w, ttlMs }: BucketOptions, defaults: BucketSettings, replicas: number): BucketSettings {
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= TTL_MAX_MS)) {
    throw new TypeError(`ttlMs must be a whole number of milliseconds from 1 to ${TTL_MAX_MS}, not ${describe(ttlMs)}`);
  }
  return {
    policy: checkChoice('policy', POLICIES, policy) ?? defaults.policy,
    r: checkLevel('r', r, replicas) ?? defaults.r,
    w: checkLevel('w', w, replicas) ?? defaults.w,
    ttlMs,
  };
}

function checkLevel(name: string, level: Level | undefined, replicas: number): Level | undefined {
  if (level === undefined || LEVELS.includes(level)) return level;
  if (typeof level === 'number' && Number.isInteger(level) && level >= 1 && level <= replicas) return level;
  throw new TypeError(`${name} must be one of ${LEVELS.join(', ')} or a number from 1 to ${replicas}, not ${describe(level)}`);
}

function checkCount(name: string, count = COUNT_DEFAULT): number {
  if (Number.isInteger(count) && count >= 1 && count <= COUNT_MAX) return count;
  throw new TypeError(`${name} must be a whole number from 1 to ${COUNT_MAX}, not ${describe(count)}`);
}

const OPTIONS: readonly string[] = ['nodes', 'replicas', 'policy', 'r', 'w', 'buckets'];
const BUCKET_OPTIONS: readonly string[] = ['policy', 'r', 'w', 'ttlMs'];
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DEFAULTS: BucketSettings = { policy: 'lww', r: 'quorum', w: 'quorum', ttlMs: undefined };
const COUNT_DEFAULT = 3;
const COUNT_MAX = 9;
const TTL_MAX_MS = 10 * 366 * 24 * 3_600 * 1_000;
