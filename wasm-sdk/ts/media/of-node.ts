import { join } from 'node:path';
import { FileMedium } from './files.js';
import { picker } from './pick.js';

/** The media of Node.js, Deno and Bun. */
export const medium = picker({
  fs: async (name, folder = '.henge') => new FileMedium(join(folder, name)),
});
