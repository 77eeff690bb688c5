/** The conformance suite itself: what is wrong is said, and nothing that was not played passes. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { cases } from './conformance.mjs';
import { Desk } from './desk.mjs';
import { play } from './play.mjs';

let desk;
before(async () => {
  desk = await Desk.open({ urls: ['http://127.0.0.1:9'], kill: () => assert.fail('it cannot be killed') });
});
after(() => desk.close());

test('a package that does nothing fails every case, with the reason', { timeout: 60_000 }, async () => {
  await play({ connect: async () => assert.fail('not written yet') }, desk.url);
  assert.match(await desk.agent(), /^Node\.js/);
  for (const index of cases.keys()) await assert.rejects(desk.outcome(index), /not written yet|is not/, cases[index].name);
});

test('what was not reported when a program ends has failed with its words', async () => {
  desk.fail('segmentation fault');
  await assert.rejects(desk.outcome(cases.length), /segmentation fault/);
});

test('a restart that fails is told to who asked for it', async () => {
  const answer = await fetch(`${desk.url}/restart`, { method: 'POST' });
  assert.equal(answer.status, 500);
  assert.match(await answer.text(), /cannot be killed/);
});
