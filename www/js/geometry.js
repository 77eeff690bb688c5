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
 * @returns {{cx, cy, outer, gap, band, base, stone, label, narrow, radial}}
 */
export function layout(width, height, replicas, members) {
  const narrow = width < NARROW_PX;
  const radial = members > LABELS_AROUND_MAX;
  const shape = stoneSize(narrow, radial);
  const text = labelSize(narrow, radial);
  const angles = Array.from({ length: members }, (_, index) => standing(index, members));
  const fits = (outer) => {
    const { top, bottom, side } = extents(outer, shape, text, angles);
    return top + bottom <= height && 2 * side <= width;
  };
  const outer = largest(fits, OUTER_MIN_PX, Math.max(width, height));
  const { top, bottom } = extents(outer, shape, text, angles);
  const bands = Math.min(outer * 0.42, replicas * (narrow ? 17 : 26));
  const gap = bands / replicas > 12 ? 3 : 1;
  return {
    cx: width / 2, cy: (height + top - bottom) / 2, outer, gap, narrow, radial,
    stone: shape.stone,
    band: bands / replicas - gap,
    base: outer + shape.moat,
    label: outer + shape.moat + shape.stone + shape.clear,
  };
}

/** How far drawing and labels reach from the centre, if the bands' outer radius is `outer`. */
function extents(outer, { moat, stone, clear }, text, angles) {
  const bank = outer + moat + BANK_PX;
  const label = outer + moat + stone + clear;
  const up = (cos) => (label + text.along) * cos + (text.high * (1 + cos)) / 2;
  const out = (sin) => (label + text.along) * Math.abs(sin) + text.wide;
  return {
    top: Math.max(bank, ...angles.map((angle) => up(Math.cos(angle)))),
    bottom: Math.max(bank, ...angles.map((angle) => up(-Math.cos(angle)))),
    side: Math.max(bank, ...angles.map((angle) => out(Math.sin(angle)))),
  };
}

/** The largest whole number from `low` to `high` that fits, or `low`. */
function largest(fits, low, high) {
  let [yes, no] = [low, Math.ceil(high)];
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2);
    if (fits(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

/** Ring to stone, the tallest stone, and stone to label. */
function stoneSize(narrow, radial) {
  if (narrow) return { moat: 10, stone: radial ? 22 : 34, clear: 8 };
  return radial ? { moat: 12, stone: 42, clear: 8 } : { moat: 16, stone: 64, clear: 14 };
}

/** Room for a label: beside its point, above or below it, and outwards along the radius. */
function labelSize(narrow, radial) {
  if (radial) return { wide: 0, high: 12, along: narrow ? 74 : 116 };
  return narrow ? { wide: 40, high: 52, along: 0 } : { wide: 92, high: 56, along: 0 };
}

/** Inner and outer radius of the band of the `rank`-th replica; rank 0 is outermost. */
export function band(plan, rank) {
  const outer = plan.outer - rank * (plan.band + plan.gap);
  return { inner: outer - plan.band, outer };
}

/** What the bank on which the stones stand needs where there is no stone. */
const BANK_PX = 4;
const OUTER_MIN_PX = 60;
const NARROW_PX = 560;
/** With more members than this, labels run outwards along the radius. */
const LABELS_AROUND_MAX = 12;
