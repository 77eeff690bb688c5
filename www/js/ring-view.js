/** The ring on the page: drawing, pointing at it, and moving over it by keyboard. */

import { drawBands, drawGround, drawMark, drawOutline, updateBands } from './bands.js';
import { drawStones } from './circle.js';
import { set, setChildren, svg } from './dom.js';
import { band, layout, partitionAt, polar } from './geometry.js';
import { names } from './format.js';

export class RingView {
  #node;
  #onChoose;
  #cluster = null;
  #drawn = null;
  #plan = null;
  #parts = null;
  #size = { width: 0, height: 0 };
  #hovered = null;
  #pinned = null;
  #pointed = null;
  #picked = null;

  /** `onChoose(partition | null)` is told which partition to describe. */
  constructor(node, onChoose) {
    this.#node = node;
    this.#onChoose = onChoose;
    node.addEventListener('pointermove', (event) => this.#hover(this.#partitionUnder(event)));
    node.addEventListener('pointerleave', () => this.#hover(null));
    node.addEventListener('click', (event) => this.#click(event));
    node.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#resize()).observe(node.parentElement);
    this.#resize();
  }

  /** The partition that is shown: the one pointed at, else the one chosen by click, key or store. */
  get partition() {
    return this.#hovered ?? this.#pinned;
  }

  /** Keeps `partition` marked until another is chosen; `null` frees it. */
  pin(partition) {
    this.#pinned = partition;
    this.#choose();
  }

  /** Shows what is known now. */
  update(cluster) {
    this.#cluster = cluster;
    if (this.#drawn !== cluster.ring) this.#draw();
    this.#refresh();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#node.parentElement;
    if (width === this.#size.width && height === this.#size.height) return;
    this.#size = { width, height };
    this.#draw();
    this.#refresh();
  }

  #draw() {
    const ring = this.#cluster?.ring ?? null;
    const { width, height } = this.#size;
    if (width === 0) return;
    const members = this.#cluster?.members ?? [];
    this.#drawn = ring;
    const replicas = ring?.replicas ?? OUTLINED;
    this.#plan = layout(width, height, replicas, members.length || OUTLINED);
    const { inner } = band(this.#plan, replicas - 1);
    const { style } = this.#node.parentElement;
    style.setProperty('--hollow', `${(inner - 22).toFixed(0)}px`);
    style.setProperty('--middle', `${this.#plan.cy.toFixed(0)}px`);
    set(this.#node, { viewBox: `0 0 ${width} ${height}`, width, height });
    if (ring) this.#drawRing(ring, members);
    else {
      this.#parts = null;
      setChildren(this.#node, drawOutline(this.#plan, replicas));
    }
  }

  #drawRing(ring, members) {
    this.#parts = {
      bands: drawBands(this.#plan, ring, members),
      stones: drawStones(this.#plan, members, (index) => this.#point(index)),
      mark: svg('g'),
      dial: svg('circle', { class: 'dial', cx: this.#plan.cx, cy: this.#plan.cy, r: this.#plan.outer + 5, tabindex: 0, role: 'slider' }),
    };
    const { bands, mark, dial, stones } = this.#parts;
    setChildren(this.#node, drawGround(this.#plan, ring.replicas), bands, mark, dial, stones.node);
    set(dial, { 'aria-label': 'Partition', 'aria-valuemin': 0, 'aria-valuemax': ring.partitions - 1 });
  }

  #refresh() {
    if (!this.#parts) {
      set(this.#node, { 'data-phase': this.#cluster?.phase ?? 'loading' });
      return;
    }
    const { members, ring, phase } = this.#cluster;
    const partition = this.partition;
    const order = partition === null ? [] : ring.owners[partition];
    set(this.#node, { 'data-phase': phase, 'data-partition': partition });
    updateBands(this.#parts.bands, members, this.#pointed ?? this.#picked);
    this.#parts.stones.update(members, order, this.#picked);
    if (partition === null) setChildren(this.#parts.mark);
    else setChildren(this.#parts.mark, drawMark(this.#plan, ring, partition));
    set(this.#parts.dial, {
      'aria-valuenow': partition ?? 0,
      'aria-valuetext': partition === null ? 'none chosen' : `${partition}, kept by ${names(order.map((i) => members[i].name))}`,
    });
  }

  #choose() {
    this.#refresh();
    this.#onChoose(this.partition);
  }

  #hover(partition) {
    if (partition === this.#hovered) return;
    this.#hovered = partition;
    this.#choose();
  }

  #point(index) {
    this.#pointed = index;
    this.#refresh();
  }

  #click(event) {
    const stone = event.target.closest('.stone');
    if (stone) this.#pick(stone);
    else this.pin(this.#partitionUnder(event));
  }

  /** Keeps the partitions of one stone apart from the rest, or lets go of them. */
  #pick(stone) {
    const index = this.#cluster.members.findIndex((member) => member.name === stone.dataset.member);
    this.#picked = index === this.#picked ? null : index;
    this.#refresh();
  }

  #partitionUnder(event) {
    if (!this.#parts || event.target.closest('.stone')) return null;
    const box = this.#node.getBoundingClientRect();
    const { angle, r } = polar(this.#plan, event.clientX - box.left, event.clientY - box.top);
    return r > this.#plan.outer + 5 || r < 12 ? null : partitionAt(angle, this.#drawn.partitions);
  }

  #key(event) {
    const stone = event.target.closest('.stone');
    if (stone && [' ', 'Enter'].includes(event.key)) {
      this.#pick(stone);
      event.preventDefault();
    }
    if (event.target === this.#parts?.dial) this.#turn(event);
  }

  #turn(event) {
    const { partitions } = this.#drawn;
    const leap = Math.max(1, partitions / 16);
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: leap, PageDown: -leap };
    const here = this.#pinned ?? 0;
    if (event.key in steps) this.pin((here + steps[event.key] + partitions) % partitions);
    else if (event.key === 'Home') this.pin(0);
    else if (event.key === 'End') this.pin(partitions - 1);
    else if (event.key === 'Escape') this.pin(null);
    else return;
    event.preventDefault();
  }
}

/** Circles and stones to leave room for before the ring is known. */
const OUTLINED = 3;
