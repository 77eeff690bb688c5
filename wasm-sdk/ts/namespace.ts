import { encodeKey } from './codec.js';
import { encodeSpan, holds } from './span.js';
import type { Change, Key, ListEntry, Listing, ListOptions, LocalEntry, LocalStore, Selector } from './types.js';

/** A store whose keys all begin with `prefix`, and whose users do not see that. */
export function namespaceOf(store: LocalStore, prefix: string): LocalStore {
  if (typeof prefix !== 'string' || prefix === '') throw new TypeError('namespace() takes the text that all its keys begin with');
  const head = encodeKey(prefix);
  const span = encodeSpan('namespace()', { prefix });
  const inside = (key: Key): Key => {
    if (typeof key === 'string') return prefix + key;
    const bytes = encodeKey(key);
    const whole = new Uint8Array(head.length + bytes.length);
    whole.set(head);
    whole.set(bytes, head.length);
    return whole;
  };
  const outside = (key: Key): Key => (typeof key === 'string' ? key.slice(prefix.length) : key.slice(head.length));
  const select = ({ prefix: begin, start, end }: Selector): Selector => {
    if (start === undefined && end === undefined) return { prefix: begin === undefined ? prefix : inside(begin) };
    // What comes behind the last key of the namespace; text sorts as its bytes do.
    const last = new Uint8Array(head);
    last[last.length - 1] = (last[last.length - 1] ?? 0) + 1;
    return { start: start === undefined ? prefix : inside(start), end: end === undefined ? last : inside(end) };
  };
  const target = (it: Key | Selector): Key | Selector =>
    typeof it === 'string' || it instanceof Uint8Array ? inside(it) : select(it);
  const changeOf = <T>(change: Change<T>): Change<T> => ('key' in change ? { ...change, key: outside(change.key) } : change);
  const entryOf = <E extends { readonly key: Key }>(entry: E): E => ({ ...entry, key: outside(entry.key) });
  const list = <T>(options: ListOptions = {}): Listing<T> => {
    const { limit, reverse, cursor, from, signal } = options;
    const all = store.list<T>({ ...select(options), limit, reverse, from, signal, cursor: cursor === undefined ? undefined : inside(cursor) });
    return {
      get cursor() {
        return all.cursor === undefined ? undefined : outside(all.cursor);
      },
      async *[Symbol.asyncIterator]() {
        for await (const entry of all) yield entryOf(entry) as ListEntry<T>;
      },
      toArray: async () => (await all.toArray()).map(entryOf),
    };
  };
  return {
    get name() {
      return store.name;
    },
    get storage() {
      return store.storage;
    },
    get status() {
      return store.status;
    },
    get pending() {
      return store.pending;
    },
    get: (key, options) => store.get(inside(key), options),
    getEntry: async <T>(key: Key, options: object | undefined) => {
      const entry = await store.getEntry<T>(inside(key), options);
      return entry && (entryOf(entry) as LocalEntry<T>);
    },
    has: (key, options) => store.has(inside(key), options),
    put: (key, value, options) => store.put(inside(key), value, options),
    delete: (key, options) => store.delete(inside(key), options),
    getMany: (keys, options) => store.getMany(keys.map(inside), options),
    putMany: (entries, options) => store.putMany(Array.from(entries, ([key, value]) => [inside(key), value] as const), options),
    update: (key, change, options) => store.update(inside(key), change, options),
    list,
    subscribe: <T>(it: Key | Selector, listener: (change: Change<T>) => void) =>
      store.subscribe<T>(target(it), (change) => listener(changeOf(change))),
    async *watch<T>(it: Key | Selector, options: object | undefined) {
      for await (const change of store.watch<T>(target(it), options)) yield changeOf(change);
    },
    peek: (key) => store.peek(inside(key)),
    namespace: (more) => namespaceOf(store, prefix + more),
    flush: (options) => store.flush(options),
    onStatus: (listener) => store.onStatus(listener),
    onPending: (listener) => store.onPending(listener),
    onRefused: (listener) =>
      store.onRefused(({ key, error }) => {
        if (holds(span, encodeKey(key))) listener({ key: outside(key), error });
      }),
    // The store belongs to who has opened it.
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
