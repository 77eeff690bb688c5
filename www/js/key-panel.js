/** The panel that puts, gets and deletes one key through the SDK. */

import { byId, html, set, setChildren, setText } from './dom.js';
import { showPending, showResult } from './result-view.js';
import { parseValue } from './value.js';

/** How long a call may take before the SDK gives up. */
const TIMEOUT_MS = 5000;
const LEVELS = ['one', 'quorum', 'all', 'local_quorum', 'each_quorum'];

export class KeyPanel {
  #cluster;
  #connection;
  #onKey;
  #aborter = null;
  /** Key and context of the last read. */
  #read = {};
  /** How many numbered levels the form offers; -1 before it offers any. */
  #levels = -1;

  /** `onKey(partition | null, keyText)` is told which key the panel is about. */
  constructor(cluster, connection, onKey) {
    this.#cluster = cluster;
    this.#connection = connection;
    this.#onKey = onKey;
    byId('key-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#put();
    });
    byId('get').addEventListener('click', () => this.#get());
    byId('delete').addEventListener('click', () => this.#delete());
    byId('cancel').addEventListener('click', () => this.#aborter?.abort());
    byId('key').addEventListener('input', () => this.#announce());
    byId('value').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('key-form').requestSubmit();
    });
  }

  /** Brings buttons, levels and the connection's line to what is known now. */
  update() {
    const replicas = this.#cluster.ring?.replicas ?? 0;
    if (replicas !== this.#levels) this.#fillLevels(replicas);
    this.#showConnection();
    this.#showButtons();
  }

  /** The key in the form. */
  get key() {
    return byId('key').value;
  }

  /** The partition of the key in the form, or `null`. */
  get partition() {
    const partitions = this.#cluster.ring?.partitions;
    return partitions ? this.#connection.partitionOf(this.key, partitions) : null;
  }

  #put() {
    const kind = new FormData(byId('key-form')).get('kind');
    return this.#write('Put', (store, key, options) => store.put(key, parseValue(byId('value').value, kind), options));
  }

  /** Puts one of the siblings in the place of all. */
  #keep(value) {
    return this.#write('Put', (store, key, options) => store.put(key, value, options));
  }

  #delete() {
    return this.#write('Delete', (store, key, options) => store.delete(key, options));
  }

  /** A write of the key that was read last hands its context back, and so replaces what was read. */
  #write(verb, call) {
    return this.#run(verb, async (store, key, options) => {
      const context = this.#read.key === key ? this.#read.context : undefined;
      const version = await call(store, key, { ...options, w: level('w'), context });
      this.#read = {};
      return { version };
    });
  }

  #get() {
    return this.#run('Get', async (store, key, options) => {
      const entry = await store.getEntry(key, { ...options, r: level('r') });
      this.#read = { key, context: entry?.context };
      return entry === undefined ? { absent: true } : { entry };
    });
  }

  /** Runs one call at a time, and shows how it went. */
  async #run(verb, call) {
    if (this.#aborter || !byId('key-form').reportValidity()) return;
    const { key, partition } = this;
    this.#aborter = new AbortController();
    this.#showButtons();
    showPending(byId('result'), verb, key);
    const began_ms = performance.now();
    let outcome;
    try {
      outcome = await call(this.#connection.store, key, { timeoutMs: TIMEOUT_MS, signal: this.#aborter.signal });
    } catch (error) {
      outcome = { error };
    }
    const took_ms = performance.now() - began_ms;
    this.#aborter = null;
    this.#showButtons();
    const owners = partition === null ? [] : this.#cluster.ring.owners[partition].map((index) => this.#cluster.members[index]);
    showResult(byId('result'), { verb, key, took_ms, partition, owners, onKeep: (value) => this.#keep(value), ...outcome });
    this.#announce();
  }

  #announce() {
    this.#onKey(this.partition, this.key);
  }

  #showButtons() {
    const busy = this.#aborter !== null;
    for (const id of ['put', 'get', 'delete']) byId(id).disabled = busy || !this.#connection.usable;
    byId('cancel').hidden = !busy;
  }

  #showConnection() {
    const { state, problem } = this.#connection;
    const node = byId('sdk');
    const failed = state === 'failed';
    if (!failed) setText(node, `${SENTENCES[state](this.#memberName)} ${problem}`.trim());
    else if (node.dataset.problem !== problem) {
      const again = html('button', { type: 'button', class: 'quiet' }, 'Try again');
      again.addEventListener('click', () => this.#connection.open(this.#cluster.addresses));
      setChildren(node, problem, ' ', again);
    }
    set(node, { 'data-state': state, 'data-problem': failed ? problem : null });
  }

  /** The name of the member that the store is connected to. */
  get #memberName() {
    const { member } = this.#connection;
    return this.#cluster.members.find(({ id, name }) => id === member || name === member)?.name ?? 'a stone';
  }

  #fillLevels(replicas) {
    this.#levels = replicas;
    const numbers = Array.from({ length: replicas }, (_, i) => String(i + 1));
    for (const id of ['w', 'r']) {
      const chosen = byId(id).value;
      const options = [['', 'default'], ...[...LEVELS, ...numbers].map((name) => [name, name.replace('_', ' ')])];
      setChildren(byId(id), ...options.map(([value, text]) => html('option', { value }, text)));
      byId(id).value = chosen;
    }
  }
}

/** The chosen level; `undefined` when the cluster's own is meant. */
function level(id) {
  const chosen = byId(id).value;
  if (chosen === '') return undefined;
  return LEVELS.includes(chosen) ? chosen : Number(chosen);
}

const SENTENCES = {
  loading: () => 'Loading the SDK and dialling a stone…',
  connecting: () => 'Dialling a stone; calls wait until it answers.',
  connected: (member) => `Connected to ${member} through the SDK.`,
  unreached: () => 'No stone answers the SDK; the page dials again by itself.',
  closed: () => 'The store was closed. Load the page again to open one.',
  offline: () => 'No stone answers the SDK; calls wait while it dials again.',
};
