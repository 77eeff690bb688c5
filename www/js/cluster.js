/**
 * What the page knows of the cluster: the ring, and each member's own status, asked from every
 * member each second so that no single stone is needed once the ring is known.
 */

import { memberColour } from './colour.js';
import { operations, RateHistory, totals } from './counters.js';
import { judge, partitionsWithoutQuorum } from './liveness.js';

/** Between two rounds of questions. */
const ROUND_MS = 1000;
/** A stone is silent when its last answer is older than this, however slow each answer is. */
const SILENCE_MS = 1750;
/** Rounds between two looks at the ring itself, which changes only by joins and leaves. */
const RING_ROUNDS = 5;

export class Cluster {
  #origin;
  #onChange;
  #round = 0;
  #timer = null;
  #announced = false;
  #ringText = '';
  /** The last `/v1/ring` answer, or `null`. */
  ring = null;
  /** Members in the ring's order (their `index`), each with its place, status, liveness and rates. */
  members = [];
  /** Name of the stone that served this page, or `null`. */
  servedBy = null;
  /** Why there is no ring yet, or ''. */
  problem = '';

  /** `onChange(cluster)` is called at most once a frame. */
  constructor(origin, onChange) {
    this.#origin = origin;
    this.#onChange = onChange;
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#rest() : this.start()));
  }

  /** Begins a round now, and then one each second. */
  start() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), ROUND_MS);
    if (!document.hidden || this.ring === null) this.#askAll();
  }

  /** One of 'loading', 'disconnected', 'degraded', 'ready'. */
  get phase() {
    if (this.ring === null) return this.problem ? 'disconnected' : 'loading';
    if (this.members.every((member) => !member.contact.asked)) return 'loading';
    if (this.members.every((member) => !member.contact.answers)) return 'disconnected';
    return this.members.every((member) => member.up) ? 'ready' : 'degraded';
  }

  /** Partitions whose owners that are up are no quorum. */
  get partitionsWithoutQuorum() {
    return partitionsWithoutQuorum(this.ring.owners, this.members.map((member) => member.up));
  }

  /** Operations a second over all members, or `null` before two answers. */
  get operationsPerSecond() {
    const rates = this.members.map((member) => member.rates.now).filter((rate) => rate !== null);
    return rates.length === 0 ? null : rates.reduce((sum, rate) => sum + rate, 0);
  }

  /** Addresses to dial, the one that served this page first. */
  get addresses() {
    const others = this.members.filter((member) => member.name !== this.servedBy);
    return [this.#origin, ...others.map((member) => member.base)];
  }

  /** A hidden page asks nothing, so silence says nothing. */
  #rest() {
    for (const member of this.members) clearTimeout(member.watchdog);
  }

  #askAll() {
    if (this.#round % RING_ROUNDS === 0 || this.ring === null) this.#askRing();
    this.#round += 1;
    for (const member of this.members) this.#askMember(member);
  }

  async #askRing() {
    const answering = this.members.find((member) => member.contact.answers);
    const base = answering?.base ?? this.#origin;
    try {
      const [ring, status] = await Promise.all([fetchJson(base, '/v1/ring'), this.ring ? null : fetchJson(base, '/v1/status')]);
      if (status) this.servedBy = status.name;
      this.problem = '';
      this.#adopt(ring);
    } catch (error) {
      if (this.ring === null) this.problem = sentence(error, base);
    }
    this.#changed();
  }

  /** Takes a ring; what is known of members that stay is kept. */
  #adopt(ring) {
    const text = JSON.stringify(ring);
    if (text === this.#ringText) return;
    this.#ringText = text;
    const known = new Map(this.members.map((member) => [member.name, member]));
    this.ring = ring;
    const places = standingOrder(ring.members);
    this.members = ring.members.map((fact, index) => this.#member(fact, index, places[index], known.get(fact.name)));
    for (const member of this.members) if (!known.has(member.name)) this.#askMember(member);
  }

  #member(fact, index, place, known) {
    const base = fact.name === this.servedBy ? this.#origin : `${location.protocol}//${fact.address}`;
    return Object.assign(known ?? unknownMember(), fact, { index, place, colour: memberColour(place), base });
  }

  async #askMember(member) {
    const asked_at_ms = performance.now();
    try {
      const status = await fetchJson(member.base, '/v1/status');
      if (status.name !== member.name) throw new Error(`${status.name} answers at the address of ${member.name}`);
      this.#hear(member, status, asked_at_ms);
    } catch (error) {
      const older = asked_at_ms < member.askedAt_ms;
      if (!older && (error.name !== 'TimeoutError' || !member.contact.answers)) this.#lose(member);
    }
    this.#changed();
  }

  /** Takes an answer, unless a later question was answered already. */
  #hear(member, status, asked_at_ms) {
    if (asked_at_ms < member.askedAt_ms) return;
    clearTimeout(member.watchdog);
    const silent = () => {
      this.#lose(member);
      this.#changed();
    };
    Object.assign(member, {
      contact: { asked: true, answers: true, answeredBefore: true },
      askedAt_ms: asked_at_ms,
      watchdog: setTimeout(silent, SILENCE_MS),
      status,
      totals: totals(status),
    });
    member.rates.push(operations(status), performance.now());
  }

  #lose(member) {
    clearTimeout(member.watchdog);
    member.contact = { ...member.contact, asked: true, answers: false };
    member.rates.gap();
  }

  #changed() {
    if (this.#announced) return;
    this.#announced = true;
    requestAnimationFrame(() => {
      this.#announced = false;
      for (const member of this.members) this.#judge(member);
      this.#onChange(this);
    });
  }

  #judge(member) {
    Object.assign(member, judge(member.contact, this.#reportsOn(member.name)));
    if (member.up || !member.contact.asked) member.downSince_ms = null;
    else member.downSince_ms ??= Date.now();
  }

  #reportsOn(name) {
    return this.members
      .filter((member) => member.contact.answers && member.name !== name)
      .flatMap((member) => (member.status.peers ?? []).map((peer) => ({ ...peer, by: member.name })))
      .filter((peer) => peer.name === name);
  }
}

/** Where each member stands: in the order of names as people count, `stone-2` before `stone-10`. */
function standingOrder(members) {
  const sorted = members.map((member) => member.name).sort(new Intl.Collator('en', { numeric: true }).compare);
  return members.map((member) => sorted.indexOf(member.name));
}

function unknownMember() {
  return {
    contact: { asked: false, answers: false, answeredBefore: false },
    ...judge({ asked: false }, []),
    rates: new RateHistory(),
    /** When the question was asked that was answered last. */
    askedAt_ms: 0,
    watchdog: undefined,
    status: null,
    totals: null,
    downSince_ms: null,
  };
}

async function fetchJson(base, path) {
  const response = await fetch(base + path, { cache: 'no-store', signal: AbortSignal.timeout(SILENCE_MS) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

function sentence(error, base) {
  const why = error.name === 'TimeoutError' ? `took longer than ${SILENCE_MS} ms` : `gave no ring (${error.message})`;
  return `${new URL(base).host} ${why}.`;
}
