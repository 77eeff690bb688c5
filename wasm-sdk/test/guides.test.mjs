/** The guide: what its pages show is run, and says what they say. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { blocksOf, linksOf, printedBy, programOf } from './guides/page.mjs';

const run = promisify(execFile);
const sdk = fileURLToPath(new URL('..', import.meta.url));
const root = join(sdk, '..');
const guide = join(root, 'docs/guide');
const pages = new Map();
for (const name of await readdir(guide)) pages.set(name, await readFile(join(guide, name), 'utf8'));

let project;
before(async () => {
  project = await mkdtemp(join(tmpdir(), 'henge-guide-'));
  await mkdir(join(project, 'node_modules'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await symlink(sdk, join(project, 'node_modules/henge'));
  for (const name of await readdir(join(sdk, 'node_modules'))) {
    await symlink(join(sdk, 'node_modules', name), join(project, 'node_modules', name));
  }
});
after(() => rm(project, { recursive: true, force: true }));

describe('pages', { concurrency: 2 }, () => {
  for (const [name, page] of pages) {
    const blocks = blocksOf(page);
    const program = blocks.filter(({ kind }) => kind === 'js' || kind === 'run');
    const tests = blocks.filter(({ kind }) => kind === 'js test');

    if (program.length > 0) {
      test(`${name}: its code runs and prints what it says`, async () => {
        assert.equal(await play(await write(name, 'page.mjs', program)), printedBy(program));
      });
    }
    if (tests.length > 0) {
      test(`${name}: its tests pass`, async () => {
        await node(['--test', await write(name, 'page.test.mjs', tests)]);
      });
    }
    for (const { kind, code, line } of blocks) {
      if (kind === 'json') test(`${name}:${line} is JSON`, () => void JSON.parse(code.join('\n')));
    }
  }
});

test('what the front pages show runs', async () => {
  for (const [page, folder] of [['README.md', root], ['package.md', sdk]]) {
    const blocks = blocksOf(await readFile(join(folder, 'README.md'), 'utf8')).filter(({ kind }) => kind === 'js');
    assert.ok(blocks.length > 1, page);
    for (const block of blocks) await play(await write(page, `line-${block.line}.mjs`, [block]));
  }
});

test('the types of what pages show in TypeScript hold', async () => {
  for (const [name, page] of pages) {
    for (const block of blocksOf(page)) {
      if (/^tsx?$/.test(block.kind)) await write(name, `line-${block.line}.${block.kind}`, [block]);
    }
  }
  const ambient = fileURLToPath(new URL('guides/ambient.d.ts', import.meta.url));
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: TYPES, include: ['*/line-*.ts', '*/line-*.tsx', ambient] }));
  const { stdout } = await run(join(sdk, 'node_modules/.bin/tsc'), ['-p', project]).catch((error) => error);
  assert.equal(stdout, '');
});

test('every block of a page is of a kind that is checked, or is no program', () => {
  for (const [name, page] of pages) {
    for (const { kind, line } of blocksOf(page)) assert.ok(KINDS.includes(kind), `${name}:${line}: "${kind}" is none of ${KINDS.join(', ')}`);
  }
});

test('every link of the guide, the reference and the front pages leads somewhere', async () => {
  const places = new Map();
  const placesOf = async (file) => {
    if (!places.has(file)) places.set(file, linksOf(await readFile(file, 'utf8')));
    return places.get(file);
  };
  const reference = (await readdir(join(root, 'docs/api'))).map((name) => join(root, 'docs/api', name));
  const files = [...[...pages.keys()].map((name) => join(guide, name)), ...reference, join(root, 'README.md'), join(sdk, 'README.md')];
  for (const file of files) {
    for (const link of (await placesOf(file)).links) {
      if (/^https?:/.test(link)) continue;
      const [path, anchor] = link.split('#');
      const target = path ? join(dirname(file), path) : file;
      const where = `${relative(root, file)}: ${link}`;
      if (anchor === undefined) await assert.doesNotReject(readFile(target).catch(async () => readdir(target)), where);
      else assert.ok((await placesOf(target)).anchors.includes(anchor), where);
    }
  }
});

test('the guide has every code of an error, with what to do', async () => {
  const [, union] = /export type ErrorCode =([^;]*);/.exec(await readFile(join(sdk, 'dist/errors.d.ts'), 'utf8'));
  const codes = Array.from(union.matchAll(/'(\w+)'/g), ([, code]) => code);
  const told = Array.from(pages.get('errors.md').matchAll(/^\| `(\w+)` \|/gm), ([, code]) => code);
  assert.deepEqual(told.sort(), codes.sort());
});

test('the index leads to every page', () => {
  const { links } = linksOf(pages.get('README.md'));
  for (const name of pages.keys()) assert.ok(name === 'README.md' || links.includes(name), name);
});

/** Writes the code of some blocks into the folder of their page. */
async function write(page, name, blocks) {
  const file = join(project, basename(page, '.md'), name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, programOf(blocks));
  return file;
}

/** Runs the program of a page beside a ring; gives what it prints. */
async function play(file) {
  const { stdout } = await node([fileURLToPath(new URL('guides/run.mjs', import.meta.url)), file]);
  return stdout;
}

/** Runs Node.js in the folder of its last argument; what fails says what it printed. */
async function node(args) {
  try {
    return await run(process.execPath, args, { cwd: dirname(args.at(-1)), timeout: 60_000 });
  } catch (error) {
    assert.fail(`${error.stdout}${error.stderr}`);
  }
}

const KINDS = ['js', 'js test', 'run', 'ts', 'tsx', 'json', 'toml', 'html', 'console', 'text'];

const TYPES = {
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
  module: 'nodenext',
  jsx: 'react-jsx',
  types: ['node'],
  skipLibCheck: true,
};
