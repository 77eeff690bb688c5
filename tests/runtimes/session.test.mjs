/** A session's token over real stones: one was away, one is killed, and a read at `r: 1` is never older than what was written. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { connect } from '../../wasm-sdk/dist/index.js';
import { Stones } from './stones.mjs';

const KEYS = Array.from({ length: 1_000 }, (_, n) => `session/${n}`);
const ROUNDS = Number(process.env.HENGE_ROUNDS ?? 3);

let stones;
before(async () => (stones = await Stones.start(3)));
after(() => stones?.end());

/** What reads of all keys through stone `number` at `r: 1` give: values, and codes of errors. */
async function readAll(number, session) {
  const store = await connect(stones.urls[number], { session, r: 1, timeoutMs: 10_000 });
  const outcomes = await Promise.allSettled(KEYS.map((key) => store.get(key)));
  await store.close();
  return outcomes.map(({ value, reason }) => value ?? reason?.code);
}

test('who has a session reads what it has written through a stone that was away, and after its own was killed', { timeout: 600_000 }, async () => {
  let stale = 0;
  let unavailable = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const all = await connect(stones.urls, { timeoutMs: 30_000 });
    await all.putMany(KEYS.map((key) => [key, `${round} old`]), { w: 'all' });
    await all.close();

    await stones.kill(1);
    const writer = await connect(stones.urls[0]);
    await writer.putMany(KEYS.map((key) => [key, `${round} new`]), { w: 1, timeoutMs: 30_000 });
    const session = writer.sessionToken();
    await writer.close();

    await stones.restart(1);
    const [without, known] = await Promise.all([readAll(1), readAll(1, session)]);
    stale += without.filter((value) => value !== `${round} new`).length;
    assert.deepEqual(known, KEYS.map(() => `${round} new`), 'with the token');

    const again = await connect(stones.urls[0], { session });
    await again.putMany(KEYS.map((key) => [key, `${round} newest`]), { w: 1 });
    const last = again.sessionToken();
    await stones.kill(0);
    await again.close();
    // What only the killed stone has cannot be read; nothing older may be shown instead.
    for (const outcome of await readAll(2, last)) {
      if (outcome === 'UNAVAILABLE') unavailable += 1;
      else assert.equal(outcome, `${round} newest`);
    }
    await stones.restart(0);
    assert.deepEqual(await readAll(2, last), KEYS.map(() => `${round} newest`), 'when it is back');
  }
  const reads = ROUNDS * KEYS.length;
  console.log(`MEASURE session: ${reads} reads at r: 1 through a stone that was away: 0 stale with the token, ${stale} without`);
  console.log(`MEASURE session: ${reads} reads after kill -9 of the coordinator: 0 stale, ${unavailable} unavailable`);
});
