/**
 * The same as `henge`, for pages without a bundler: every import in it is relative. It also exports all types
 * of `henge`.
 *
 * @packageDocumentation
 */
import { entryPoints } from './entry-points.js';
import { runtime } from './entry/browser.js';

const entry = entryPoints(runtime);

/** Connects to a cluster, as `connect()` of `henge` does. */
export const connect = entry.connect;
/** Opens a store of this device, as `open()` of `henge` does. */
export const open = entry.open;
/** The partition of a key, as `partitionOf()` of `henge` gives it. */
export const partitionOf = entry.partitionOf;
export * from './public.js';
