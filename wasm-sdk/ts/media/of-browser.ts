import { browserMedia } from './browser-media.js';
import { picker } from './pick.js';

/** The media of browsers, and of runtimes that have some of theirs. Pages need not load what only workers use. */
export const medium = picker(browserMedia(() => import('./opfs-home.js')));
