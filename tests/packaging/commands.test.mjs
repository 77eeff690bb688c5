/** The pages' command lines and settings are ones that `henge` takes. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { blocksOf } from '../../wasm-sdk/test/guides/page.mjs';
import { henge } from '../runtimes/stones.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const known = new Map();
/** What the help of a command lists: the commands below it, and its flags. */
async function helpOf(...command) {
  const name = command.join(' ');
  if (!known.has(name)) {
    const { stdout } = await run(henge, [...command, '--help']);
    const below = /^Commands:\n((?: .*\n)+)/m.exec(stdout)?.[1] ?? '';
    const commands = Array.from(below.matchAll(/^ {2}(\w+)/gm), ([, word]) => word);
    known.set(name, { commands, flags: stdout.match(/--[\w-]+/g) ?? [] });
  }
  return known.get(name);
}

test('every command line of the pages names a command, and flags that it has', async () => {
  let count = 0;
  for (const { where, code } of await blocks('console')) {
    const lines = code.join('\n').replaceAll('\\\n', ' ').split('\n');
    for (const line of lines) {
      const [, words] = /^\$ henge (.*?)(?: +# .*)?$/.exec(line) ?? [];
      if (words === undefined) continue;
      count += 1;
      const [command, next] = words.split(/\s+/);
      assert.ok((await helpOf()).commands.includes(command), `${where}: ${line}`);
      const { commands } = await helpOf(command);
      if (commands.length > 0) assert.ok(commands.includes(next), `${where}: ${line}`);
      const { flags } = await helpOf(command, ...(commands.length > 0 ? [next] : []));
      for (const [flag] of words.matchAll(/(?<=^|\s)--[\w-]+/g)) assert.ok(flags.includes(flag), `${where}: ${line}: there is no ${flag}`);
    }
  }
  assert.ok(count > 20, `${count} command lines were found`);
});

test('every setting of a file, and every flag of the table of stones, is one of `henge serve`', async () => {
  const { flags } = await helpOf('serve');
  for (const { where, code } of await blocks('toml')) {
    for (const line of code) {
      const [, name] = /^([\w-]+) = /.exec(line) ?? [];
      assert.ok(flags.includes(`--${name}`), `${where}: ${line}`);
    }
  }
  const stones = await readFile(join(root, 'docs/guide/stones.md'), 'utf8');
  const rows = Array.from(stones.matchAll(/^\| (`--.*?) \|/gm), ([, cell]) => cell.match(/--[\w-]+/g));
  assert.ok(rows.length > 5);
  for (const flag of rows.flat()) assert.ok(flags.includes(flag), flag);
});

/** The blocks of one kind in all pages. */
async function blocks(kind) {
  const pages = [join(root, 'README.md'), join(root, 'wasm-sdk/README.md')];
  for (const folder of ['docs', 'docs/guide']) {
    for (const name of await readdir(join(root, folder))) if (name.endsWith('.md')) pages.push(join(root, folder, name));
  }
  const found = [];
  for (const page of pages) {
    for (const block of blocksOf(await readFile(page, 'utf8'))) {
      if (block.kind === kind) found.push({ where: `${relative(root, page)}:${block.line}`, code: block.code });
    }
  }
  return found;
}
