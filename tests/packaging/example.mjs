/** The examples as a stranger runs them: a copy beside the packed SDK. What else they need is linked from the tests' packages. */

import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { installTarball, removeProject } from './tarball.mjs';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const packages = fileURLToPath(new URL('../node_modules', import.meta.url));

/** Makes a project of the example `name`. Returns its folder, for `removeProject`. */
export async function installExample(name) {
  const project = await installTarball();
  try {
    const sources = join(examples, name);
    const isSource = (path) => !/[\\/](node_modules|dist|\.wrangler)$/.test(path);
    await cp(sources, project, { recursive: true, filter: isSource });
    const { dependencies = {}, devDependencies = {} } = JSON.parse(await readFile(join(sources, 'package.json'), 'utf8'));
    for (const needed of Object.keys({ ...dependencies, ...devDependencies })) {
      if (needed !== 'henge') await link(needed, project);
    }
    return project;
  } catch (error) {
    await removeProject(project);
    throw error;
  }
}

async function link(name, project) {
  const place = join(project, 'node_modules', name);
  await mkdir(dirname(place), { recursive: true });
  await symlink(join(packages, name), place);
}

export { removeProject };
