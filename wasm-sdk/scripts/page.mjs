/** Makes one script each of what pages load as it is: one without a bundler would else fetch each module when it has read the one before. */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { bundle } from './bundle.mjs';

for (const entry of ['browser', 'worker']) {
  const script = fileURLToPath(new URL(`../dist/${entry}.js`, import.meta.url));
  await writeFile(script, await bundle(script));
}
