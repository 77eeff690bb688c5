/**
 * Stores of `open()` in React: hooks that render anew when what they show has changed, here or elsewhere.
 *
 * @packageDocumentation
 * @example
 * <HengeProvider store={await open({ urls: 'http://127.0.0.1:7301' })}><Notes /></HengeProvider>
 * const notes = useList({ prefix: 'note:' });
 */
'use client';

export { HengeProvider, useList, useListState, usePending, useStatus, useStore, useValue, useValueState } from './hooks.js';
export type { HengeProviderProps } from './hooks.js';
export type { ListLimits, ListState } from './list.js';
export type { Loaded } from './source.js';
export type { ValueState } from './value.js';
