/**
 * What runs inside a runtime: it plays every case and tells the desk (`desk.mjs`) what came of each.
 * It imports nothing but the cases, so that a page can load it as it is.
 */

import { cases } from './conformance.mjs';

/**
 * Plays all cases with the package `henge`; `desk` is where to report. The stones are those of the desk, or `ring`:
 * their addresses, and what restarts the first.
 */
export async function play(henge, desk, ring) {
  const tell = (what, told) => fetch(`${desk}/${what}`, { method: 'POST', body: JSON.stringify(told) });
  const given = await (await tell('begin', { agent: agent() })).json();
  const restartThere = async () => {
    const answer = await tell('restart');
    if (!answer.ok) throw new Error(await answer.text());
  };
  const { urls, restart } = ring ?? { urls: given, restart: restartThere };
  for (const [index, { run }] of cases.entries()) {
    const problem = await within(CASE_MS_MAX, run({ henge, urls, restart })).then(() => undefined, describe);
    await tell('outcome', { index, problem });
  }
}

/** What this runtime calls itself; Node.js 20 has no `navigator`. */
function agent() {
  return globalThis.navigator?.userAgent ?? `Node.js/${process.versions.node}`;
}

function within(limit_ms, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end within ${limit_ms} ms`)), limit_ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function describe(error) {
  return `${error?.name}: ${error?.message}\n${error?.stack}`;
}

const CASE_MS_MAX = 45_000;
