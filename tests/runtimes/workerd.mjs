/** Cloudflare's workerd as `wrangler dev` runs it: what is bundled is what would be deployed. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { node, program, startProgram } from './programs.mjs';
import { until } from './stones.mjs';

/** Starts a worker and asks it to play. */
export async function startWorker({ project, desk }) {
  await writeFile(join(project, 'worker.mjs'), WORKER);
  const wrangler = await startWrangler({ project, desk, args: ['worker.mjs', '--compatibility-date=2026-11-01'] });
  fetch(`${wrangler.url}/?desk=${desk.url}`).then(
    async (answer) => answer.ok || desk.fail(`the worker answered ${answer.status}: ${await answer.text()}`),
    () => desk.fail(`the worker is gone:\n${wrangler.said()}`),
  );
  return wrangler;
}

/**
 * Starts `wrangler dev`, or a `command` that ends in it, with these arguments; `url` is where it serves: at `port`, if that
 * is not 0.
 */
export async function startWrangler({ project, desk, command = [node(26), program('wrangler'), 'dev'], args = [], port = 0, env = {} }) {
  const flags = ['--local', '--ip=127.0.0.1', `--port=${port}`, '--inspector-port=0'];
  const wrangler = await startProgram([...command, ...args, ...flags], {
    project,
    desk,
    // It asks nobody for news, tells nobody how it is used, and keeps its files in the project.
    env: {
      CI: '1',
      NO_COLOR: '1',
      WRANGLER_HIDE_BANNER: 'true',
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      XDG_CONFIG_HOME: project,
      ...env,
    },
  });
  let ready;
  await until('wrangler is ready', async () => (ready = /Ready on (http:\S+)/.exec(wrangler.said())));
  return { ...wrangler, url: ready[1] };
}

const WORKER = `
import * as henge from 'henge';
import * as files from 'henge/snapshot';
import { play } from './play.mjs';

export default {
  async fetch(request) {
    await play({ ...henge, ...files }, new URL(request.url).searchParams.get('desk'));
    return new Response('played');
  },
};
`;
