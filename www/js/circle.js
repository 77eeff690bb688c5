/** The stones around the ring, one a member, with name, share, zone and whether it is up. */

import { memberColour } from './colour.js';
import { set, setText, svg } from './dom.js';
import { percent } from './format.js';
import { point, standing, TURN } from './geometry.js';
import { slab } from './stone.js';

/** The stones as one SVG group; `onPoint(index | null)` tells which stone is pointed at. */
export function drawStones(plan, members, onPoint) {
  const tallest = Math.max(...members.map((member) => member.share ?? 0), 1e-9);
  const group = svg('g', { class: 'standing' });
  for (const member of members) group.append(drawStone(plan, member, members.length, tallest, onPoint));
  return group;
}

/** Brings labels and up/down to what is known now. */
export function updateStones(group, members, order) {
  members.forEach((member, index) => {
    const rank = order.indexOf(index);
    const place = rank < 0 ? '' : `, replica ${rank + 1} of the chosen partition`;
    const node = group.children[index];
    set(node, {
      'data-up': member.up,
      'data-rank': rank < 0 ? null : rank + 1,
      'aria-label': `${member.name}, zone ${member.zone}, ${percent(member.share)} of the ring, ${member.word}${place}. ${member.why}`,
    });
    setText(node.querySelector('.stone-word'), member.word);
    setText(node.querySelector('.stone-rank'), rank < 0 ? '' : String(rank + 1));
    setText(node.querySelector('title'), member.why || `${member.name} is ${member.word}.`);
  });
}

function drawStone(plan, member, members, tallest, onPoint) {
  const angle = standing(member.index, members);
  const height = plan.stone * (0.62 + 0.38 * Math.sqrt((member.share ?? 0) / tallest));
  const room = (TURN * plan.base) / members;
  const width = Math.min(plan.stone * 0.62, room * 0.6);
  const [x, y] = point(plan, plan.base, angle);
  const node = svg('g', {
    class: 'stone', role: 'button', tabindex: 0, 'data-member': member.name, 'data-up': member.up,
    style: `--member: ${memberColour(member.index)}`,
  },
    svg('title'),
    svg('g', { transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${((angle / TURN) * 360).toFixed(2)})` },
      slab(member.name, width, height)),
    rankMark(plan, angle, height),
    label(plan, member, angle));
  for (const [event, index] of [['pointerenter', member.index], ['pointerleave', null], ['focus', member.index], ['blur', null]]) {
    node.addEventListener(event, () => onPoint(index));
  }
  return node;
}

/** The replica's number, cut into the stone. */
function rankMark(plan, angle, height) {
  const [x, y] = point(plan, plan.base + height * 0.42, angle);
  return svg('text', { class: 'stone-rank', x, y, 'text-anchor': 'middle', 'dominant-baseline': 'central' });
}

function label(plan, member, angle) {
  return plan.radial ? radialLabel(plan, member, angle) : uprightLabel(plan, member, angle);
}

/** Lines of text beside the stone. */
function uprightLabel(plan, member, angle) {
  const [x, y] = point(plan, plan.label, angle);
  const side = plan.narrow || Math.abs(Math.sin(angle)) < 0.2 ? 0 : Math.sign(Math.sin(angle));
  const facts = plan.narrow ? percent(member.share) : `${percent(member.share)} · ${member.zone}`;
  const lines = plan.narrow ? 2 : 3;
  const top = y - (lines * LINE_PX) / 2 - (Math.cos(angle) * lines * LINE_PX) / 2 + LINE_PX * 0.75;
  const anchor = ['end', 'middle', 'start'][side + 1];
  const at = (line) => ({ x: x.toFixed(1), y: (top + line * LINE_PX).toFixed(1) });
  const word = svg('tspan', { class: 'stone-word' });
  return svg('text', { class: 'stone-label', 'text-anchor': anchor },
    svg('tspan', { class: 'stone-name', ...at(0) }, member.name),
    svg('tspan', { class: 'stone-facts', ...at(1) }, plan.narrow ? `${facts} · ` : facts),
    plan.narrow ? word : set(word, at(2)));
}

/** One line that runs outwards, for many members. */
function radialLabel(plan, member, angle) {
  const [x, y] = point(plan, plan.label, angle);
  const left = angle > Math.PI;
  const turn = (angle / TURN) * 360 - 90 + (left ? 180 : 0);
  return svg('text', {
    class: 'stone-label radial', 'text-anchor': left ? 'end' : 'start', 'dominant-baseline': 'central',
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(2)})`,
  },
    svg('tspan', { class: 'stone-name' }, member.name),
    svg('tspan', { class: 'stone-facts' }, plan.narrow ? ' ' : ` ${percent(member.share)} `),
    svg('tspan', { class: 'stone-word' }));
}

const LINE_PX = 17;
