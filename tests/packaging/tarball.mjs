/** The SDK as users get it: packed, and installed into a project of its own. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sdk = fileURLToPath(new URL('../../wasm-sdk', import.meta.url));

/** Packs the SDK as it is built and installs the tarball. Returns the project's folder. */
export async function installTarball() {
  const project = await mkdtemp(join(tmpdir(), 'henge-project-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], { cwd: sdk });
  const packed = JSON.parse(stdout);
  const { filename } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...quiet, join(project, filename)], { cwd: project });
  return project;
}

/** Removes a project. */
export const removeProject = (project) => rm(project, { recursive: true, force: true });
