/** The one sentence on top: how the cluster is. */

import { set, setText } from './dom.js';
import { count, names, plural } from './format.js';

/** Writes the sentence and its `data-state` into `node`. */
export function showState(node, cluster) {
  set(node, { 'data-state': cluster.phase });
  setText(node, SENTENCES[cluster.phase](cluster));
}

const SENTENCES = {
  loading: () => 'Asking the stones…',
  ready: ({ members }) => (members.length === 1 ? 'The one stone is up.' : `All ${members.length} stones are up.`),
  degraded: (cluster) => `${who(cluster)} ${quorum(cluster)}${source(cluster)}`,
  disconnected: ({ ring, problem }) =>
    `${ring ? 'No stone answers; this is what was last known.' : problem} The page asks again each second. Start the stones with henge serve.`,
};

function who({ members }) {
  const away = inOrder(members.filter((member) => !member.up));
  const up = members.length - away.length;
  const few = away.length <= 3 ? names(away.map((member) => member.name)) : count(away.length);
  const words = new Set(away.map((member) => member.word));
  const word = words.size === 1 ? [...words][0] : 'down or cut off';
  return `${up} of ${members.length} stones are up: ${few} ${away.length === 1 ? 'is' : 'are'} ${word}.`;
}

function quorum(cluster) {
  const lacking = cluster.partitionsWithoutQuorum;
  if (lacking === 0) return 'Every partition still has a quorum.';
  if (lacking === cluster.ring.partitions) return `All ${plural(lacking, 'partition')} have lost their quorum.`;
  return `${plural(lacking, 'partition')} of ${count(cluster.ring.partitions)} ${lacking === 1 ? 'has' : 'have'} lost the quorum.`;
}

/** Says so when the stone that served the page is the one that is gone. */
function source({ members, servedBy }) {
  const server = members.find((member) => member.name === servedBy);
  if (!server || server.contact.answers) return '';
  const others = inOrder(members.filter((member) => member.contact.answers)).map((member) => member.name);
  return ` ${servedBy} served this page; it now lives on ${others.length > 3 ? `${others.length} other stones` : names(others)}.`;
}

const inOrder = (members) => members.toSorted((a, b) => a.place - b.place);
