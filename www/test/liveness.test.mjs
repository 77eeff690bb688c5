import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, partitionsWithoutQuorum } from '../js/liveness.js';

const answering = { asked: true, answers: true, answeredBefore: true };
const silent = { asked: true, answers: false, answeredBefore: true };
const neverHeard = { asked: true, answers: false, answeredBefore: false };
const report = (by, up) => ({ by, up });

test('a stone that answers and that nobody misses is up', () => {
  assert.deepEqual(judge(answering, [report('b', true)]), { up: true, word: 'up', why: '' });
  assert.equal(judge(answering, []).up, true);
});

test('a stone that stops answering is down even while its peers have not noticed', () => {
  const { up, why } = judge(silent, [report('b', true), report('c', true)]);
  assert.equal(up, false);
  assert.match(why, /counted as up by b and c/);
});

test('a stone that answers but that most others lost is cut off', () => {
  const { up, word, why } = judge(answering, [report('b', false), report('c', false)]);
  assert.equal(up, false);
  assert.equal(word, 'cut off');
  assert.match(why, /b and c cannot reach it/);
});

test('one broken link of two is said but does not make a stone down', () => {
  const { up, why } = judge(answering, [report('b', false), report('c', true)]);
  assert.equal(up, true);
  assert.equal(why, 'b cannot reach it.');
});

test('a stone that this page can never reach is up if its peers say so', () => {
  assert.equal(judge(neverHeard, [report('b', true)]).up, true);
  assert.equal(judge(neverHeard, [report('b', false)]).up, false);
  assert.equal(judge(neverHeard, []).up, false);
});

test('before the first answer nothing is claimed', () => {
  assert.equal(judge({ asked: false, answers: false, answeredBefore: false }, []).word, 'asking…');
});

test('a partition lacks its quorum when half of its owners or more are away', () => {
  const owners = [[0, 1, 2], [1, 2, 3], [0, 3, 1]];
  assert.equal(partitionsWithoutQuorum(owners, [true, true, true, true]), 0);
  assert.equal(partitionsWithoutQuorum(owners, [false, true, true, true]), 0);
  assert.equal(partitionsWithoutQuorum(owners, [false, true, true, false]), 1);
  assert.equal(partitionsWithoutQuorum([[0, 1]], [true, false]), 1);
});
