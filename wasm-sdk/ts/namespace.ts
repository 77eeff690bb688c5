import { encodeKey } from './codec.js';
import { encodeSpan, holds } from './span.js';
import type { Key, LocalStore, Selector, Status, StorageInfo, Store } from './types.js';

/** A connected store whose keys all begin with `prefix`, and whose users do not see that. */
export function storeNamespace(store: Store, prefix: string): Store {
  return new StoreNamespace(store, prefix);
}

/** The same of a store of this device. */
export function namespaceOf(store: LocalStore, prefix: string): LocalStore {
  return new LocalNamespace(store, prefix);
}

/** What both kinds of stores can do; each takes its own options, which go through here as they are. */
interface AnyStore {
  readonly status: Status;
  get(key: Key, options?: object): Promise<any>;
  getEntry(key: Key, options?: object): Promise<any>;
  has(key: Key, options?: object): Promise<boolean>;
  put(key: Key, value: any, options?: object): Promise<any>;
  delete(key: Key, options?: object): Promise<any>;
  getMany(keys: readonly Key[], options?: object): Promise<any[]>;
  putMany(entries: Iterable<readonly [Key, any]>, options?: object): Promise<any[]>;
  update(key: Key, change: any, options?: object): Promise<any>;
  list(options?: object): { readonly cursor: Key | undefined; toArray(): Promise<any[]> } & AsyncIterable<any>;
  watch(target: Key | Selector, options?: object): AsyncIterable<any>;
  onStatus(listener: (status: Status) => void): () => void;
}

class Namespace<S extends AnyStore> implements AnyStore {
  protected readonly store: S;
  protected readonly prefix: string;
  #head: Uint8Array;

  constructor(store: S, prefix: string) {
    if (typeof prefix !== 'string' || prefix === '') throw new TypeError('namespace() takes the text that all its keys begin with');
    this.store = store;
    this.prefix = prefix;
    this.#head = encodeKey(prefix);
  }

  get status(): Status {
    return this.store.status;
  }

  get(key: Key, options?: object): Promise<any> {
    return this.store.get(this.inside(key), options);
  }

  async getEntry(key: Key, options?: object): Promise<any> {
    const entry = await this.store.getEntry(this.inside(key), options);
    return entry && this.shown(entry);
  }

  has(key: Key, options?: object): Promise<boolean> {
    return this.store.has(this.inside(key), options);
  }

  put(key: Key, value: any, options?: object): Promise<any> {
    return this.store.put(this.inside(key), value, options);
  }

  delete(key: Key, options?: object): Promise<any> {
    return this.store.delete(this.inside(key), options);
  }

  getMany(keys: Iterable<Key>, options?: object): Promise<any[]> {
    return this.store.getMany(
      Array.from(keys, (key) => this.inside(key)),
      options,
    );
  }

  putMany(entries: Iterable<readonly [Key, any]>, options?: object): Promise<any[]> {
    return this.store.putMany(this.#moved(entries), options);
  }

  update(key: Key, change: any, options?: object): Promise<any> {
    return this.store.update(this.inside(key), change, options);
  }

  list(options: Selector & { cursor?: Key | undefined } = {}): any {
    const { prefix, start, end, cursor, ...rest } = options;
    const from = cursor === undefined ? undefined : this.inside(cursor);
    const all = this.store.list({ ...rest, ...this.#select({ prefix, start, end }), cursor: from });
    const { shown, outside } = this;
    return {
      get cursor() {
        return all.cursor === undefined ? undefined : outside(all.cursor);
      },
      async *[Symbol.asyncIterator]() {
        for await (const entry of all) yield shown(entry);
      },
      toArray: async () => (await all.toArray()).map(shown),
    };
  }

  watch(target: Key | Selector, options?: object): any {
    const all: AsyncIterable<any> & { readonly token?: string } = this.store.watch(this.target(target), options);
    const { shown } = this;
    return {
      get token() {
        return all.token;
      },
      async *[Symbol.asyncIterator]() {
        for await (const change of all) yield shown(change);
      },
    };
  }

  onStatus(listener: (status: Status) => void): () => void {
    return this.store.onStatus(listener);
  }

  /** The store belongs to who has opened it. */
  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  /** A key of the namespace as the store has it. */
  protected inside = (key: Key): Key => {
    if (typeof key === 'string') return this.prefix + key;
    const bytes = encodeKey(key);
    const whole = new Uint8Array(this.#head.length + bytes.length);
    whole.set(this.#head);
    whole.set(bytes, this.#head.length);
    return whole;
  };

  /** A key of the store as users of the namespace know it. */
  protected outside = (key: Key): Key => (typeof key === 'string' ? key.slice(this.prefix.length) : key.slice(this.#head.length));

  /** An entry, a change or anything else with a key or without. */
  protected shown = (it: any): any => ('key' in it ? { ...it, key: this.outside(it.key) } : it);

  protected target(it: Key | Selector): Key | Selector {
    return typeof it === 'string' || it instanceof Uint8Array ? this.inside(it) : this.#select(it);
  }

  #select({ prefix, start, end }: Selector): Selector {
    if (prefix !== undefined || (start === undefined && end === undefined)) {
      return { prefix: prefix === undefined ? this.prefix : this.inside(prefix), start, end };
    }
    // What comes behind the last key of the namespace; text sorts as its bytes do.
    const last = new Uint8Array(this.#head);
    last[last.length - 1] = (last[last.length - 1] ?? 0) + 1;
    return { start: start === undefined ? this.prefix : this.inside(start), end: end === undefined ? last : this.inside(end) };
  }

  *#moved(entries: Iterable<readonly [Key, any]>): Generator<readonly [Key, any]> {
    for (const [key, value] of entries) yield [this.inside(key), value];
  }
}

class StoreNamespace extends Namespace<Store> implements Store {
  namespace(more: string): Store {
    return new StoreNamespace(this.store, this.prefix + more);
  }

  sessionToken(): string {
    return this.store.sessionToken();
  }
}

class LocalNamespace extends Namespace<LocalStore> implements LocalStore {
  get name(): string {
    return this.store.name;
  }

  get storage(): StorageInfo {
    return this.store.storage;
  }

  get pending(): number {
    return this.store.pending;
  }

  subscribe(target: Key | Selector, listener: (change: any) => void): () => void {
    return this.store.subscribe(this.target(target), (change) => listener(this.shown(change)));
  }

  peek(key: Key): any {
    return this.store.peek(this.inside(key));
  }

  namespace(more: string): LocalStore {
    return new LocalNamespace(this.store, this.prefix + more);
  }

  flush(options?: object): Promise<void> {
    return this.store.flush(options);
  }

  onPending(listener: (pending: number) => void): () => void {
    return this.store.onPending(listener);
  }

  onRefused(listener: (refused: any) => void): () => void {
    const span = encodeSpan('namespace()', { prefix: this.prefix });
    return this.store.onRefused((refused) => {
      if (holds(span, encodeKey(refused.key))) listener(this.shown(refused));
    });
  }
}
