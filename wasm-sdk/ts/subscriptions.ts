import type { LeafEngine } from './henge_wasm.js';
import { tellAll } from './host.js';
import type { News, Row } from './leaf-port.js';
import { holds, nameOf, type EncodedSpan } from './span.js';
import type { StoreError } from './errors.js';

/** One span with all who want to hear of it. */
interface Subscription {
  readonly span: EncodedSpan;
  /** The engine's number for it; none while it cannot be had. */
  id: number | undefined;
  readonly listeners: Set<(news: News) => void>;
}

/** The subscriptions of a leaf: each span once, however many want it. */
export class Subscriptions {
  #use: (work: (engine: LeafEngine) => void) => void;
  #all = new Map<string, Subscription>();

  /** `use` does something with the engine, if that is there, and throws what it throws. */
  constructor(use: (work: (engine: LeafEngine) => void) => void) {
    this.#use = use;
  }

  /** Tells `listener` of `span` until it is stopped. */
  add(span: EncodedSpan, listener: (news: News) => void): () => void {
    const name = `${span.kind}:${nameOf(span.from)}:${nameOf(span.to)}`;
    let subscription = this.#all.get(name);
    if (!subscription) {
      subscription = { span, id: undefined, listeners: new Set() };
    }
    // Of one that is there already the engine says again that all is here, if that is so now.
    this.#begin(subscription);
    this.#all.set(name, subscription);
    const { listeners } = subscription;
    const own = (news: News): void => listener(news);
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size > 0 || this.#all.get(name)?.listeners !== listeners) return;
      const { id } = this.#all.get(name) as Subscription;
      this.#all.delete(name);
      if (id !== undefined) this.#use((engine) => engine.unsubscribe(id));
    };
  }

  /** There is another engine, which knows of none of them. */
  renew(): void {
    for (const subscription of this.#all.values()) {
      subscription.id = undefined;
      this.#begin(subscription);
      tellAll(subscription.listeners, { kind: 'resync' });
    }
  }

  /** A key shows another value. */
  changed(keyBytes: Uint8Array, source: Row['source'], row: Row | undefined, isExpiry: boolean): void {
    const news: News = { kind: 'changed', keyBytes, source, row, isExpiry };
    for (const { span, listeners } of [...this.#all.values()]) if (holds(span, keyBytes)) tellAll(listeners, news);
  }

  /** All that the ring has of a subscription is here. */
  synced(id: number): void {
    const found = this.#find(id);
    if (found) tellAll(found.listeners, { kind: 'synced' });
  }

  /** A subscription has ended. */
  ended(id: number, error: StoreError): void {
    const found = this.#find(id);
    if (!found) return;
    found.id = undefined;
    tellAll(found.listeners, { kind: 'ended', error });
  }

  #begin(subscription: Subscription): void {
    const { kind, from, to } = subscription.span;
    this.#use((engine) => {
      subscription.id = engine.subscribe(kind, from, to);
    });
  }

  #find(id: number): Subscription | undefined {
    return [...this.#all.values()].find((it) => it.id === id);
  }
}
