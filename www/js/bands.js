/** The partitions as concentric bands, one band a replica, and the mark on a chosen partition. */

import { set, svg } from './dom.js';
import { band, point, runs, sector, TURN } from './geometry.js';

/** All bands as one SVG group: one path for each member in each band. */
export function drawBands(plan, ring, members) {
  const group = svg('g', { class: 'bands' });
  for (let rank = 0; rank < ring.replicas; rank += 1) {
    const paths = new Map();
    const { inner, outer } = band(plan, rank);
    for (const run of cells(plan, ring, rank)) {
      const from = (run.from / ring.partitions) * TURN + run.pad;
      const to = (run.to / ring.partitions) * TURN - run.pad;
      const path = sector(plan, inner, outer, from, Math.min(to, from + TURN - 1e-4));
      paths.set(run.index, (paths.get(run.index) ?? '') + path);
    }
    for (const [index, d] of paths) {
      group.append(svg('path', { class: 'cells', 'data-owner': index, 'data-rank': rank + 1, d, style: `--member: ${members[index].colour}` }));
    }
  }
  return group;
}

/** Brings what is dim to what is known now: members down, and members that are not pointed at. */
export function updateBands(group, members, pointed) {
  for (const path of group.children) {
    const index = Number(path.dataset.owner);
    set(path, { 'data-up': members[index]?.up ?? false, 'data-aside': pointed === null ? null : pointed !== index });
  }
}

/** Circles before the ring is known. */
export function drawOutline(plan, replicas) {
  const circles = [];
  for (let rank = 0; rank < replicas; rank += 1) {
    const { inner, outer } = band(plan, rank);
    circles.push(svg('circle', { class: 'outline', cx: plan.cx, cy: plan.cy, r: (inner + outer) / 2, 'stroke-width': plan.band }));
  }
  return svg('g', {}, ...circles);
}

/** A beam of light through the hollow to one partition, its frame across the bands, a tick outside. */
export function drawMark(plan, ring, partition) {
  const middle = ((partition + 0.5) / ring.partitions) * TURN;
  const half = Math.max(TURN / ring.partitions / 2, FRAME_PX / plan.outer);
  const { inner } = band(plan, ring.replicas - 1);
  const [x1, y1] = point(plan, plan.outer + 3, middle);
  const [x2, y2] = point(plan, plan.base - 2, middle);
  const light = svg('radialGradient', { id: 'light', gradientUnits: 'userSpaceOnUse', cx: plan.cx, cy: plan.cy, r: inner },
    svg('stop', { offset: 0.5, 'stop-opacity': 0 }), svg('stop', { offset: 1, 'stop-opacity': 0.9 }));
  return svg('g', { class: 'mark' },
    light,
    svg('path', { class: 'beam', fill: 'url(#light)', d: sector(plan, inner * 0.45, inner - 3, middle - half * 1.6, middle + half * 1.6) }),
    svg('path', { class: 'frame', d: sector(plan, inner - 2.5, plan.outer + 2.5, middle - half, middle + half) }),
    svg('line', { class: 'tick', x1, y1, x2, y2 }));
}

/** Ticks at each sixteenth of the hash space, and the bank on which the stones stand. */
export function drawGround(plan, replicas) {
  const { inner } = band(plan, replicas - 1);
  const ticks = Array.from({ length: 16 }, (_, i) => {
    const [x1, y1] = point(plan, inner - 6, (i / 16) * TURN);
    const [x2, y2] = point(plan, inner - (i % 4 === 0 ? 14 : 10), (i / 16) * TURN);
    return svg('line', { x1, y1, x2, y2 });
  });
  return svg('g', { class: 'ground' }, ...ticks, svg('circle', { cx: plan.cx, cy: plan.cy, r: plan.base }));
}

/** Cells one by one while a gap between them can be seen, else runs of one owner. */
function cells(plan, ring, rank) {
  const owner = (partition) => ring.owners[partition]?.[rank];
  const width_px = (TURN * band(plan, rank).inner) / ring.partitions;
  const apart = width_px > 2.4;
  const found = apart
    ? Array.from({ length: ring.partitions }, (_, from) => ({ index: owner(from), from, to: from + 1 }))
    : runs(ring.partitions, owner);
  const pad = apart ? 0.4 / plan.outer : 0;
  return found.filter((run) => run.index !== undefined).map((run) => ({ ...run, pad }));
}

/** The frame is never narrower than this to each side. */
const FRAME_PX = 2.5;
