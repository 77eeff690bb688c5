import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORY_SAMPLES, operations, RateHistory, totals } from '../js/counters.js';

test('shards are summed, and those that are not ready are counted', () => {
  const sum = totals({ shards: [{ storage: { keys: 2 }, restarts: 1, ready: true }, { storage: { keys: 3 }, restarts: 0, ready: false }] });
  assert.equal(sum.keys, 5);
  assert.equal(sum.restarts, 1);
  assert.equal(sum.shards, 2);
  assert.equal(sum.ready, 1);
  assert.equal(sum.log_bytes, 0);
});

test('the first sample gives no rate, the next ones do', () => {
  const history = new RateHistory();
  history.push([100], 0);
  assert.equal(history.now, null);
  history.push([150], 500);
  assert.equal(history.now, 100);
});

test('a counter that began again never gives a negative rate', () => {
  const history = new RateHistory();
  history.push([1000], 0);
  history.push([20], 1000);
  assert.equal(history.now, 20);
});

test('one shard of two that began again does not count the other one twice', () => {
  const history = new RateHistory();
  history.push([1000, 5000], 0);
  history.push([20, 5100], 1000);
  assert.equal(history.now, 120);
});

test('a shard that gives no numbers makes a gap, not a fall to zero', () => {
  const shards = [{ ready: true, reads: 3, writes: 4 }, { ready: false, reads: 0, writes: 0 }];
  assert.equal(operations({ shards }), null);
  assert.deepEqual(operations({ shards: shards.slice(0, 1) }), [7]);
  const history = new RateHistory();
  history.push([7], 0);
  history.push(null, 1000);
  history.push([9], 2000);
  history.push([10], 3000);
  assert.deepEqual(history.samples, [null, 1]);
});

test('a gap is kept as a gap, and the rate after it starts anew', () => {
  const history = new RateHistory();
  history.push([0], 0);
  history.push([10], 1000);
  history.gap();
  history.push([10_000], 9000);
  history.push([10_005], 10_000);
  assert.deepEqual(history.samples, [10, null, 5]);
});

test('history is bounded', () => {
  const history = new RateHistory();
  for (let i = 0; i < 10 * HISTORY_SAMPLES; i += 1) history.push([i], i * 1000);
  assert.equal(history.samples.length, HISTORY_SAMPLES);
});
