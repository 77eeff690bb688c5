/** The hollow of the ring: the chosen partition's preference list, or the cluster at a glance. */

import { html, set, setChildren } from './dom.js';
import { count, rate } from './format.js';

/** Draws into `node`; `keyText` is the key that led to the partition, if one did. */
export function showOwners(node, cluster, partition, keyText) {
  if (cluster.ring === null) setChildren(node, ...waiting(cluster));
  else if (partition === null) setChildren(node, ...glance(cluster));
  else setChildren(node, ...preferenceList(cluster, partition, keyText));
  set(node, { 'data-partition': cluster.ring === null ? null : partition });
}

function waiting(cluster) {
  if (cluster.phase === 'loading') return [html('p', { class: 'quiet' }, 'Asking the stones…')];
  return [html('p', { class: 'big' }, 'No ring'), html('p', { class: 'quiet' }, 'asking again each second')];
}

function glance({ ring, operationsPerSecond }) {
  return [
    html('p', { class: 'big' }, rate(operationsPerSecond)),
    html('p', { class: 'quiet' }, 'operations a second'),
    html('p', { class: 'quiet small' }, `${count(ring.partitions)} partitions × ${ring.replicas}`),
  ];
}

function preferenceList({ ring, members }, partition, keyText) {
  const owners = ring.owners[partition].map((index) => members[index]);
  const shown = owners.slice(0, OWNERS_SHOWN);
  const rest = owners.length - shown.length;
  return [
    keyText ? html('p', { class: 'owners-key' }, keyText) : null,
    html('p', { class: 'quiet' }, `partition ${partition}`),
    html('ol', { class: 'owners-list' }, ...shown.map(owner)),
    rest > 0 ? html('p', { class: 'quiet small' }, `and ${rest} more`) : null,
  ];
}

function owner(member) {
  return html('li', { 'data-owner': member.name, 'data-standing': member.up, style: `--member: ${member.colour}` },
    html('span', { class: 'name' }, member.name),
    member.up ? null : html('span', { class: 'word' }, member.word));
}

const OWNERS_SHOWN = 7;
