import assert from 'node:assert/strict';
import { test } from 'node:test';
import { band, layout, partitionAt, point, polar, runs, sector, standing, TURN } from '../js/geometry.js';

test('a point and its angle find each other again', () => {
  const centre = { cx: 100, cy: 80 };
  for (const angle of [0, 1, 2, 3, 4, 5, 6]) {
    const found = polar(centre, ...point(centre, 40, angle));
    assert.ok(Math.abs(found.angle - angle) < 1e-9);
    assert.ok(Math.abs(found.r - 40) < 1e-9);
  }
});

test('partitions go clockwise from the top and never past the last', () => {
  assert.equal(partitionAt(0, 256), 0);
  assert.equal(partitionAt(TURN / 4, 256), 64);
  assert.equal(partitionAt(TURN, 256), 255);
});

test('a sector of more than half a turn takes the long way', () => {
  assert.match(sector({ cx: 0, cy: 0 }, 1, 2, 0, 4), /A2 2 0 1 1/);
  assert.match(sector({ cx: 0, cy: 0 }, 1, 2, 0, 3), /A2 2 0 0 1/);
});

test('runs join neighbours with one owner and cover every partition', () => {
  const owners = [1, 1, 0, 0, 0, 2];
  assert.deepEqual(runs(6, (i) => owners[i]), [
    { index: 1, from: 0, to: 2 },
    { index: 0, from: 2, to: 5 },
    { index: 2, from: 5, to: 6 },
  ]);
});

test('no stone stands on the widest line while labels lie beside them', () => {
  for (let members = 3; members <= 12; members += 1) {
    for (let index = 0; index < members; index += 1) {
      assert.ok(Math.abs(Math.cos(standing(index, members))) > 0.05, `${index} of ${members}`);
    }
  }
});

test('everything fits the stage at every size and number of members', () => {
  for (const [width, height] of [[372, 366], [620, 540], [900, 740]]) {
    for (const members of [1, 2, 3, 4, 5, 12, 13, 64]) {
      const plan = layout(width, height, 3, members);
      const name = `${members} members at ${width} x ${height}`;
      assert.ok(plan.cy - plan.base >= 0 && plan.cy + plan.base <= height, name);
      assert.ok(plan.cx - plan.base >= 0, name);
      assert.ok(plan.outer >= 60, name);
      for (let index = 0; index < members; index += 1) {
        const [x, y] = point(plan, plan.label, standing(index, members));
        assert.ok(x > 0 && x < width && y > 0 && y < height, `label ${index} of ${name}`);
      }
    }
  }
});

test('bands lie inside one another and leave a hollow', () => {
  for (const replicas of [1, 3, 7, 16]) {
    const plan = layout(900, 740, replicas, 3);
    for (let rank = 1; rank < replicas; rank += 1) {
      assert.ok(band(plan, rank).outer < band(plan, rank - 1).inner);
    }
    assert.ok(band(plan, replicas - 1).inner > plan.outer * 0.5);
  }
});
