/** The same as the main entry, for pages without a bundler: every import in it is relative. */
import { entryPoints } from './entry-points.js';
import { runtime } from './entry/browser.js';

export const { connect, open, partitionOf } = entryPoints(runtime);
export * from './public.js';
