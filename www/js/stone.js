/** A standing stone: an uneven slab, always the same for one name, drawn upright from (0, 0). */

import { svg } from './dom.js';

/** The slab as an SVG group; it falls by CSS when the member is down. */
export function slab(name, width, height) {
  const uneven = roughness(name);
  const half = width / 2;
  const foot = half * (1 + 0.14 * uneven());
  const corners = [
    [-foot, 3 * uneven()],
    [-half * (0.92 + 0.16 * uneven()), -height * (0.42 + 0.2 * uneven())],
    [-half * (0.66 + 0.2 * uneven()), -height * (0.9 + 0.08 * uneven())],
    [half * (0.1 + 0.3 * uneven()), -height],
    [half * (0.74 + 0.2 * uneven()), -height * (0.84 + 0.1 * uneven())],
    [half * (0.86 + 0.18 * uneven()), -height * (0.36 + 0.2 * uneven())],
    [foot, 3 * uneven()],
  ];
  const edge = half * (0.25 + 0.2 * uneven());
  const shade = [[edge, 0], [edge * 0.9, -height * 0.5], corners[3], corners[4], corners[5], corners[6]];
  return svg('g', { class: 'slab', style: `--middle: ${-height / 2}px; --drop: ${(height - width) / 2}px` },
    svg('path', { class: 'slab-face', d: rounded(corners, width * 0.16) }),
    svg('path', { class: 'slab-shade', d: rounded(shade, width * 0.12) }));
}

/** Numbers in 0..1 that depend on the name only (FNV-1a, then xorshift). */
function roughness(name) {
  let state = 2_166_136_261;
  for (const letter of name) state = Math.imul(state ^ letter.codePointAt(0), 16_777_619);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A closed path through `corners`, each cut back by `radius` and rounded. */
function rounded(corners, radius) {
  const steps = corners.map((corner, i) => {
    const before = towards(corner, corners.at(i - 1), radius);
    const after = towards(corner, corners[(i + 1) % corners.length], radius);
    return `${i === 0 ? 'M' : 'L'}${before}Q${pair(corner)} ${after}`;
  });
  return `${steps.join('')}Z`;
}

function towards([x, y], [tx, ty], distance) {
  const share = Math.min(0.45, distance / (Math.hypot(tx - x, ty - y) || 1));
  return pair([x + (tx - x) * share, y + (ty - y) * share]);
}

const pair = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
