/** Where things stand: angles in radians, clockwise from the top; lengths in CSS pixels. */

export const TURN = 2 * Math.PI;

/** The point at `angle` and distance `r` from the centre. */
export const point = ({ cx, cy }, r, angle) => [cx + r * Math.sin(angle), cy - r * Math.cos(angle)];

/** The angle and the distance of a point from the centre. */
export function polar({ cx, cy }, x, y) {
  const angle = Math.atan2(x - cx, cy - y);
  return { angle: angle < 0 ? angle + TURN : angle, r: Math.hypot(x - cx, y - cy) };
}

/** The partition at an angle. */
export const partitionAt = (angle, partitions) => Math.min(partitions - 1, Math.floor((angle / TURN) * partitions));

/** Path of the annular sector between two radii and two angles. */
export function sector(centre, inner, outer, from, to) {
  const far = to - from > Math.PI ? 1 : 0;
  const at = (r, angle) => point(centre, r, angle).map((n) => n.toFixed(2)).join(' ');
  return `M${at(outer, from)}A${outer} ${outer} 0 ${far} 1 ${at(outer, to)}`
    + `L${at(inner, to)}A${inner} ${inner} 0 ${far} 0 ${at(inner, from)}Z`;
}

/** Stretches of neighbouring partitions for which `owner(partition)` is the same. */
export function runs(partitions, owner) {
  const found = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const index = owner(partition);
    const last = found.at(-1);
    if (last && last.index === index) last.to = partition + 1;
    else found.push({ index, from: partition, to: partition + 1 });
  }
  return found;
}

/** The angle at which a member stands, chosen so that no label lies on the widest line. */
export function standing(index, members) {
  const offset = members % 4 === 0 ? 0.5 : 0;
  return ((index + offset) / members) * TURN;
}

/**
 * Radii for a stage of this size: bands of partitions, stones around them, labels outside.
 * @returns {{cx, cy, outer, band, gap, base, stone, label, narrow, radial}}
 */
export function layout(width, height, replicas, members) {
  const narrow = width < NARROW_PX;
  const radial = members > LABELS_AROUND_MAX;
  const stone = narrow ? 34 : 58;
  const moat = narrow ? 10 : 16;
  const room = labelRoom(narrow, radial);
  const outer = Math.max(60, Math.min(width / 2 - room.side, height / 2 - room.top) - stone - moat);
  const bands = Math.min(outer * 0.42, replicas * (narrow ? 17 : 26));
  const gap = bands / replicas > 12 ? 3 : 1;
  return {
    cx: width / 2, cy: height / 2, outer, gap, narrow, radial, stone,
    band: bands / replicas - gap,
    base: outer + moat,
    label: outer + moat + stone + (narrow ? 8 : 14),
  };
}

/** Inner and outer radius of the band of the `rank`-th replica; rank 0 is outermost. */
export function band(plan, rank) {
  const outer = plan.outer - rank * (plan.band + plan.gap);
  return { inner: outer - plan.band, outer };
}

function labelRoom(narrow, radial) {
  if (radial) return narrow ? { side: 62, top: 62 } : { side: 96, top: 96 };
  return narrow ? { side: 26, top: 40 } : { side: 96, top: 62 };
}

const NARROW_PX = 560;
/** With more members than this, labels run outwards along the radius. */
const LABELS_AROUND_MAX = 12;
