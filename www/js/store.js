/** The connection of this page to the cluster, through the SDK that applications use. */

import { explain } from './advice.js';

const SDK = '/sdk/browser.js';
/** Between two attempts of the page itself; once connected the SDK dials again by its own rules. */
const REDIAL_MS = 2000;

export class Connection {
  #onChange;
  #attempt = 0;
  #sdk = null;
  /** The SDK's store, or `null`. */
  store = null;
  /** 'loading', 'unreached', 'failed', or the state that the store reports. */
  state = 'loading';
  /** What went wrong, as a sentence, or ''. */
  problem = '';
  /** The id of the member that the store is connected to, or `null`. */
  member = null;

  /** `onChange(connection)` is called when store, state or problem change. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Opens at the first call only. */
  openOnce(addresses) {
    if (this.#attempt === 0) this.open(addresses);
  }

  /** Loads the SDK and dials the first of `addresses` that answers, again and again if none does. */
  async open(addresses) {
    this.#attempt += 1;
    this.store?.close();
    this.store = null;
    if (this.state !== 'unreached') this.#show('loading', '');
    const sdk = await this.#load();
    if (!sdk) return;
    try {
      this.store = await sdk.connect(addresses);
      this.store.onStatus((status) => this.#follow(status));
      this.#follow(this.store.status);
    } catch (error) {
      this.#giveUp(error, addresses);
    }
  }

  /** Whether calls can be made; they wait while the SDK dials again. */
  get usable() {
    return this.store !== null && !['failed', 'closed'].includes(this.state);
  }

  /** The partition of a key, or `null` while the SDK is not there or takes no such key. */
  partitionOf(key, partitions) {
    if (this.#sdk === null || key === '') return null;
    try {
      return this.#sdk.partitionOf(key, partitions);
    } catch {
      return null;
    }
  }

  /** A failed import is remembered by the browser, so each attempt has its own address. */
  async #load() {
    try {
      this.#sdk ??= await import(this.#attempt === 1 ? SDK : `${SDK}?attempt=${this.#attempt}`);
    } catch {
      this.#show('failed', `The SDK cannot be loaded from ${SDK}. Build it with cargo xtask wasm, and build the stone again.`);
    }
    return this.#sdk;
  }

  #giveUp(error, addresses) {
    const { code, message, advice } = explain(error);
    if (error.retryable) {
      this.#show('unreached', message);
      setTimeout(() => this.open(addresses), REDIAL_MS);
    } else this.#show('failed', `${code}: ${message} ${advice}`);
  }

  #follow(status) {
    this.member = status.member ?? null;
    this.#show(status.state, status.error ? explain(status.error).message : '');
  }

  #show(state, problem) {
    this.state = state;
    this.problem = problem;
    this.#onChange(this);
  }
}
