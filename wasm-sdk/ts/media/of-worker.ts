import { browserMedia } from './browser-media.js';
import * as opfs from './opfs-home.js';
import { picker } from './pick.js';

/** The media of dedicated workers. Nothing is loaded later: bundlers make one script of a worker. */
export const medium = picker(browserMedia(async () => opfs));
