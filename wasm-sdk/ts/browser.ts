/** The same as the main entry, for pages without a bundler: every import in it is relative. */
import { entryPoints } from './connect.js';
import { runtime } from './entry/browser.js';

export const { connect, partitionOf } = entryPoints(runtime);
export * from './public.js';
