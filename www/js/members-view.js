/** The list of members: what each one does, holds and hears from its peers. */

import { html, set, setChildren, setText } from './dom.js';
import { bytes, count, latency, percent, plural, rate, span } from './format.js';
import { sparkline } from './sparkline.js';

/** Draws the table into `node`; rows stay as long as their members do, so that focus stays too. */
export function showMembers(node, cluster) {
  if (cluster.members.length === 0) return;
  const table = node.querySelector('table') ?? emptyTable(node);
  const body = table.tBodies[0];
  const members = cluster.members.toSorted((a, b) => a.place - b.place);
  const wanted = members.map((member) => member.name);
  const present = [...body.rows].map((row) => row.dataset.stone);
  if (wanted.join('\n') !== present.join('\n')) setChildren(body, ...members.map(emptyRow));
  const top = Math.max(...cluster.members.flatMap((member) => member.rates.samples));
  members.forEach((member, i) => fillRow(body.rows[i], member, top));
}

function emptyTable(node) {
  const heads = COLUMNS.map(([title, style]) => html('th', { scope: 'col', class: style }, title));
  const table = html('table', {}, html('thead', {}, html('tr', {}, ...heads)), html('tbody'));
  setChildren(node, table);
  return table;
}

function emptyRow(member) {
  const heading = html('th', { scope: 'row', class: 'who' },
    html('span', { class: 'swatch', 'aria-hidden': true }),
    html('a', { class: 'name', href: `${member.base}/`, title: `The console of ${member.name}` }, member.name),
    html('span', { class: 'word' }),
    html('span', { class: 'where' }, `${member.zone} · ${member.address}`),
    html('span', { class: 'why' }));
  const cells = COLUMNS.slice(1).map(([title, style]) => html('td', { class: style, 'data-title': title }, '–'));
  return html('tr', { 'data-stone': member.name, style: `--member: ${member.colour}` }, heading, ...cells);
}

function fillRow(row, member, top) {
  set(row, { 'data-standing': member.up });
  setText(row.querySelector('.word'), member.word + lasting(member));
  setText(row.querySelector('.why'), member.why);
  if (!member.totals) return;
  COLUMNS.slice(1).forEach(([, , content], i) => setChildren(row.cells[i + 1], content(member, top)));
}

function lasting(member) {
  if (member.downSince_ms !== null) return ` for ${span(Date.now() - member.downSince_ms)}`;
  return member.up && member.status ? ` for ${span(member.status.uptime_ms)}` : '';
}

/** Titles, classes and contents; the first column is the row's heading. */
const COLUMNS = [
  ['Stone', ''],
  ['Share', 'number', (m) => [percent(m.share), note(`${count(m.vnodes)} vnodes, ${count(m.primaries)} first`)]],
  ['Ops/s', 'ops', (m, top) => [html('span', { class: 'now' }, m.contact.answers ? rate(m.rates.now) : '–'), sparkline(m.rates.samples, top)]],
  ['Keys', 'number', (m) => [count(m.totals.keys), starting(m)]],
  ['Memory', 'number', (m) => [bytes(m.totals.memory_bytes), note(`of ${bytes(m.totals.guest_bytes)}`)]],
  ['Disk', 'number', (m) => [bytes(m.totals.log_bytes + m.totals.table_bytes)]],
  ['Restarts', 'number', (m) => [count(m.totals.restarts), lastRestart(m)]],
  ['Failed', 'number', (m) => [count(m.totals.failures), m.totals.repairs ? note(`${plural(m.totals.repairs, 'repair')}`) : null]],
  ['Links', 'links', (m) => links(m)],
];

const note = (text) => html('span', { class: 'note' }, text);

function starting({ totals }) {
  return totals.ready < totals.shards ? note(`${totals.ready} of ${totals.shards} shards ready`) : note(plural(totals.shards, 'shard'));
}

function lastRestart({ status, totals }) {
  const slowest = Math.max(...status.shards.map((shard) => shard.last_restart_ms ?? 0));
  return totals.restarts > 0 && slowest > 0 ? note(`back in ${latency(slowest)}`) : null;
}

function links({ status, contact }) {
  const peers = status.peers ?? [];
  if (peers.length === 0) return ['alone'];
  if (peers.length > LINKS_SHOWN) {
    const up = peers.filter((peer) => peer.up).length;
    return [`${up} of ${peers.length} up`];
  }
  return [html('ul', { 'data-stale': !contact.answers }, ...peers.map(link))];
}

function link(peer) {
  const fact = peer.up ? latency(peer.rtt_ms) : 'down';
  const dropped = peer.dropped > 0 ? ` ${count(peer.dropped)} dropped` : '';
  return set(html('li', {}, html('span', {}, peer.name), ' ', html('span', { class: 'rtt' }, fact + dropped)), { 'data-link': peer.up ? 'up' : 'down' });
}

const LINKS_SHOWN = 6;
