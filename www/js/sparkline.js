/** A minute of a rate as a line; gaps are where there was no answer. */

import { svg } from './dom.js';
import { HISTORY_SAMPLES } from './counters.js';

const WIDTH = 120;
const HEIGHT = 26;

/** The line as an SVG, scaled to `top` (the highest rate of all members), for a screen reader hidden. */
export function sparkline(samples, top) {
  const start = HISTORY_SAMPLES - samples.length;
  const x = (i) => (((start + i) / (HISTORY_SAMPLES - 1)) * WIDTH).toFixed(1);
  const y = (rate) => (HEIGHT - 2 - (rate / Math.max(top, 1)) * (HEIGHT - 5)).toFixed(1);
  let d = '';
  samples.forEach((rate, i) => {
    if (rate !== null) d += `${i > 0 && samples[i - 1] !== null ? 'L' : 'M'}${x(i)} ${y(rate)}h0`;
  });
  return svg('svg', { class: 'sparkline', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, 'aria-hidden': true },
    svg('line', { x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2 }),
    svg('path', { d }));
}
