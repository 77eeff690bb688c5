/** Makes `henge/browser` one script: a page without a bundler would else fetch each module when it has read the one before. */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { bundle } from './bundle.mjs';

const script = fileURLToPath(new URL('../dist/browser.js', import.meta.url));
await writeFile(script, await bundle(script));
