/** The stones around the ring, one a member, with name, share, zone and whether it is up. */

import { set, setText, svg } from './dom.js';
import { percent } from './format.js';
import { point, standing, TURN } from './geometry.js';
import { slab } from './stone.js';

/**
 * Draws the stones; `onPoint(index | null)` tells which one is pointed at.
 * @returns {{node: SVGElement, update: (members, order: number[], picked: number?) => void}}
 * `order` is the preference list of the chosen partition, empty when none is chosen
 */
export function drawStones(plan, members, onPoint) {
  const tallest = Math.max(...members.map((member) => member.share ?? 0), 1e-9);
  const stones = members.map((member) => drawStone(plan, member, members.length, tallest, onPoint));
  return {
    node: svg('g', {}, ...byPlace(members).map((member) => stones[member.index].node)),
    update: (now, order, picked) =>
      now.forEach((member, index) => stones[index].update(member, order.indexOf(index), index === picked)),
  };
}

const byPlace = (members) => members.toSorted((a, b) => a.place - b.place);

function drawStone(plan, member, members, tallest, onPoint) {
  const angle = standing(member.place, members);
  const height = plan.stone * (0.62 + 0.38 * Math.sqrt((member.share ?? 0) / tallest));
  const width = Math.min(plan.stone * 0.62, ((TURN * plan.base) / members) * 0.6);
  const [x, y] = point(plan, plan.base, angle);
  const turn = ((angle / TURN) * 360).toFixed(2);
  const parts = {
    title: svg('title'),
    rank: svg('text', { class: 'stone-rank', 'text-anchor': 'middle', 'dominant-baseline': 'central' }),
    word: svg('tspan', { class: 'stone-word' }),
  };
  const node = svg('g', { class: 'stone', role: 'button', tabindex: 0, 'data-member': member.name, style: `--member: ${member.colour}` },
    parts.title,
    svg('g', { transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${turn})` }, slab(member.name, width, height)),
    parts.rank,
    plan.radial ? radialLabel(plan, member, angle, parts.word) : uprightLabel(plan, member, angle, parts.word));
  for (const [event, index] of [['pointerenter', member.index], ['pointerleave', null], ['focus', member.index], ['blur', null]]) {
    node.addEventListener(event, () => onPoint(index));
  }
  const middle = (up) => point(plan, plan.base + (up ? height : width) / 2, angle);
  return { node, update: (now, rank, picked) => updateStone(set(node, { 'aria-pressed': picked }), parts, now, rank, middle(now.up)) };
}

/** Brings label and up/down to what is known now; `rank` is -1 when another partition is chosen. */
function updateStone(node, parts, member, rank, [x, y]) {
  const place = rank < 0 ? '' : `, replica ${rank + 1} of the chosen partition`;
  set(node, {
    'data-up': member.up,
    'data-rank': rank < 0 ? null : rank + 1,
    'aria-label': `${member.name}, zone ${member.zone}, ${percent(member.share)} of the ring, ${member.word}${place}. ${member.why}`,
  });
  set(parts.rank, { x, y });
  setText(parts.rank, rank < 0 ? '' : String(rank + 1));
  setText(parts.word, member.word);
  setText(parts.title, member.why || `${member.name} is ${member.word}.`);
}

/** Lines of text beside the stone. */
function uprightLabel(plan, member, angle, word) {
  const [x, y] = point(plan, plan.label, angle);
  const side = plan.narrow || Math.abs(Math.sin(angle)) < 0.2 ? 0 : Math.sign(Math.sin(angle));
  const facts = plan.narrow ? percent(member.share) : `${percent(member.share)} · ${member.zone}`;
  const lines = plan.narrow ? 2 : 3;
  const clear = plan.narrow ? Math.sign(Math.cos(angle)) * Math.abs(Math.sin(angle)) * LINE_PX : 0;
  const top = y - clear - (lines * LINE_PX * (1 + Math.cos(angle))) / 2 + LINE_PX * 0.75;
  const anchor = ['end', 'middle', 'start'][side + 1];
  const at = (line) => ({ x: x.toFixed(1), y: (top + line * LINE_PX).toFixed(1) });
  return svg('text', { class: 'stone-label', 'text-anchor': anchor },
    svg('tspan', { class: 'stone-name', ...at(0) }, member.name),
    svg('tspan', { class: 'stone-facts', ...at(1) }, plan.narrow ? `${facts} · ` : facts),
    plan.narrow ? word : set(word, at(2)));
}

/** One line that runs outwards, for many members. */
function radialLabel(plan, member, angle, word) {
  const [x, y] = point(plan, plan.label, angle);
  const left = angle > Math.PI;
  const turn = (angle / TURN) * 360 - 90 + (left ? 180 : 0);
  return svg('text', {
    class: 'stone-label radial', 'text-anchor': left ? 'end' : 'start', 'dominant-baseline': 'central',
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(2)})`,
  },
    svg('tspan', { class: 'stone-name' }, member.name),
    svg('tspan', { class: 'stone-facts' }, plan.narrow ? ' ' : ` ${percent(member.share)} `),
    word);
}

const LINE_PX = 17;
