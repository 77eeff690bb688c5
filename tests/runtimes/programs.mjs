/** Runtimes that are programs: each plays the cases in a process of its own, from a project's folder. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../node_modules', import.meta.url));

/** Node.js of version `major`: the package that brings it, or what `HENGE_NODE_<major>` names. */
export function node(major) {
  const variable = `HENGE_NODE_${major}`;
  return found(process.env[variable] ?? join(packages, `node-${major}/bin/node`), `name a Node.js ${major} by ${variable}`);
}

/** A program that an npm package of the tests brings. */
export function program(name) {
  return found(join(packages, '.bin', name), 'run `cargo xtask setup`');
}

/** Programs that play the cases, by how they load the package; the last brings a ring of its own. */
const SCRIPTS = {
  import: ['play.import.mjs', "import * as henge from 'henge';"],
  require: ['play.require.cjs', "const henge = require('henge');"],
  inline: ['play.inline.mjs', "import * as henge from 'henge/inline';"],
  slim: [
    'play.slim.mjs',
    `import { readFile } from 'node:fs/promises';
    import * as slim from 'henge/slim';
    const wasm = await readFile(new URL(import.meta.resolve('henge/henge_wasm_bg.wasm')));
    const connect = (urls, options) => slim.connect(urls, { wasm, ...options });
    const henge = { ...slim, connect, open: (options) => slim.open({ wasm, ...options }) };`,
  ],
  testing: [
    'play.testing.mjs',
    `import * as sdk from 'henge';
    import { cluster } from 'henge/testing';
    import { inMemory } from './memory.mjs';
    const { henge, ring } = await inMemory(sdk, cluster);`,
    'ring',
  ],
};

/** Runs `command` in the folder `project` with a script of {@link SCRIPTS}; the desk learns how it ends. */
export async function startScript(command, way, { project, desk }) {
  const [file, load, ring] = SCRIPTS[way];
  const source = `${load}\nimport('./play.mjs').then(({ play }) => play(henge, process.argv[2], ${ring}));\n`;
  await writeFile(join(project, file), source);
  return startProgram([...command, file, desk.url], { project, desk });
}

/** Runs `command` in the folder `project`. If it ends by itself, the desk is told its last words. */
export async function startProgram([path, ...args], { project, desk, env = {} }) {
  const child = spawn(path, args, { cwd: project, env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (words += data));
  child.on('error', (error) => desk?.fail(String(error)));
  const closed = once(child, 'close');
  child.on('close', (code, signal) => desk?.fail(`${path} ended with ${signal ?? code}:\n${words}`));
  return {
    said: () => words,
    async end() {
      child.kill();
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
      await closed;
      clearTimeout(timer);
    },
    /** Ends it and all that it has started as a power cut would. */
    async kill() {
      for (const pid of family(child.pid)) process.kill(pid, 'SIGKILL');
      await closed;
    },
  };
}

/** A process and all that come of it. */
function family(pid) {
  const children = readdirSync('/proc').filter((it) => {
    try {
      return /^\d+$/.test(it) && Number(/\) \S+ (\d+)/.exec(readFileSync(`/proc/${it}/stat`, 'utf8'))?.[1]) === pid;
    } catch {
      return false;
    }
  });
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

function found(path, advice) {
  if (existsSync(path)) return path;
  throw new Error(`${path} is not there: ${advice}`);
}

const END_MS_MAX = 5_000;
