import { createContext, createElement, useCallback, useContext, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import { describe, encodeKey } from '../codec.js';
import { encodeSpan, nameOf } from '../span.js';
import type { Key, ListEntry, LocalStore, Selector, Status, Value } from '../types.js';
import { EMPTY, ListSource, type ListLimits, type ListState } from './list.js';
import { sourceOf, type Source } from './source.js';
import { LOADING, ValueSource, type ValueState } from './value.js';

/** What {@link HengeProvider} takes. */
export interface HengeProviderProps {
  /** The store, or a namespace of it. Who has opened it closes it. */
  readonly store: LocalStore;
  /** Who can use it. */
  readonly children?: ReactNode;
}

/** Gives all components below it a store of `open()`. */
export function HengeProvider({ store, children }: HengeProviderProps): ReactElement {
  return createElement(StoreContext.Provider, { value: store }, children);
}

/** The store of the {@link HengeProvider} above. */
export function useStore(): LocalStore {
  const store = useContext(StoreContext);
  if (!store) throw new Error('there is no store here: put <HengeProvider store={await open(...)}> around this component');
  return store;
}

/** The value of `key`, kept as the ring has it; `undefined` if it has none, or none was read yet. */
export function useValue<T = Value>(key: Key): T | undefined {
  return useValueSource<T, T | undefined>(key, valueOf);
}

/** The value of `key`, and how much is known of it. */
export function useValueState<T = Value>(key: Key): ValueState<T> {
  return useValueSource<T, ValueState<T>>(key, itself);
}

/** The keys of `selector` with their values, in order, kept as the ring has them; the same array until one changes. */
export function useList<T = Value>(selector: Selector, limits?: ListLimits): readonly ListEntry<T>[] {
  return useListSource<T, readonly ListEntry<T>[]>(selector, limits, entriesOf);
}

/** The keys of `selector` with their values, and how much is known of them. */
export function useListState<T = Value>(selector: Selector, limits?: ListLimits): ListState<T> {
  return useListSource<T, ListState<T>>(selector, limits, itself);
}

/** How the connection is. */
export function useStatus(): Status {
  const store = useStore();
  const subscribe = useCallback((listener: () => void) => store.onStatus(listener), [store]);
  return useSyncExternalStore(subscribe, () => store.status, () => CONNECTING);
}

/** How many writes the ring has not taken. */
export function usePending(): number {
  const store = useStore();
  const subscribe = useCallback((listener: () => void) => store.onPending(listener), [store]);
  return useSyncExternalStore(subscribe, () => store.pending, () => 0);
}

function useValueSource<T, R>(key: Key, select: (state: ValueState<T>) => R): R {
  const name = `value:${nameOf(encodeKey(key))}`;
  return useSource<ValueState<T>, R>(name, (store, forget) => new ValueSource<T>(store, key, forget), select, LOADING);
}

function useListSource<T, R>(selector: Selector, limits: ListLimits = {}, select: (state: ListState<T>) => R): R {
  const { limit = LIMIT_DEFAULT, reverse = false } = limits;
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw new TypeError(`limit must be a whole number from 1 to ${LIMIT_MAX}, not ${describe(limit)}`);
  }
  const { kind, from, to } = encodeSpan('useList()', selector);
  if (kind === 0) throw new TypeError('useList() takes { prefix } or { start, end }; useValue() takes a key');
  const name = `list:${kind}:${limit}:${reverse}:${from.length}:${nameOf(from)}${nameOf(to)}`;
  return useSource<ListState<T>, R>(name, (store, forget) => new ListSource<T>(store, selector, limit, reverse, forget), select, EMPTY);
}

/**
 * What `select` takes of what the source `name` shows; on a server, and where its page comes to life, of `elsewhere`. A
 * component renders anew when that is another value.
 */
function useSource<S, R>(name: string, make: (store: LocalStore, forget: () => void) => Source<S>, select: (state: S) => R, elsewhere: S): R {
  const store = useStore();
  // Sources of one name are alike, so it does not matter which rendering's `make` makes it.
  const source = useCallback(() => sourceOf(store, name, (forget) => make(store, forget)), [store, name]);
  const subscribe = useCallback((listener: () => void) => source().listen(listener), [source]);
  return useSyncExternalStore(subscribe, () => select(source().snapshot), () => select(elsewhere));
}

const itself = <S>(state: S): S => state;
const valueOf = <T>({ value }: ValueState<T>): T | undefined => value;
const entriesOf = <T>({ entries }: ListState<T>): readonly ListEntry<T>[] => entries;
const StoreContext = createContext<LocalStore | undefined>(undefined);
const CONNECTING: Status = { state: 'connecting' };
const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
