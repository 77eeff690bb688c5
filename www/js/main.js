/** The console: one cluster, one connection through the SDK, and the views of both. */

import { Cluster } from './cluster.js';
import { byId } from './dom.js';
import { KeyPanel } from './key-panel.js';
import { showMembers } from './members-view.js';
import { showOwners } from './owners-view.js';
import { RingView } from './ring-view.js';
import { showState } from './state-view.js';
import { Connection } from './store.js';

const cluster = new Cluster(location.origin, refresh);
const connection = new Connection(() => panel.update());
const ringView = new RingView(byId('ring'), refreshOwners);
const panel = new KeyPanel(cluster, connection, (partition) => ringView.pin(partition));

function refresh() {
  if (cluster.ring) connection.openOnce(cluster.addresses);
  byId('cluster').textContent = cluster.ring?.cluster ?? '';
  showState(byId('state'), cluster);
  ringView.update(cluster);
  showMembers(byId('members'), cluster);
  panel.update();
  refreshOwners();
}

function refreshOwners() {
  const { partition } = ringView;
  showOwners(byId('owners'), cluster, partition, partition !== null && partition === panel.partition ? panel.key : '');
}


/** For tests and for people at the prompt of the developer tools. */
window.henge = {
  /** The SDK's store, or `null` until it is connected. */
  get store() {
    return connection.store;
  },
  /** The last `/v1/ring` answer, or `null`. */
  get ring() {
    return cluster.ring;
  },
  /** What the page knows of each member: `name`, `up`, `why`, `status`, … */
  get members() {
    return cluster.members;
  },
  /** Marks a partition on the ring; `null` frees it. */
  choose: (partition) => ringView.pin(partition),
};

cluster.start();
