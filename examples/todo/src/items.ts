import type { LocalStore } from 'henge';
import { useListState, type Loaded } from 'henge/react';
import { useMemo } from 'react';

/** Something to do. */
export interface Item {
  readonly id: string;
  readonly text: string;
  readonly isDone: boolean;
  /** A change of it is on this device only. */
  readonly isWaiting: boolean;
}

/** All items, from the oldest to the newest. */
export function useItems(): { items: readonly Item[]; status: Loaded } {
  const { entries, status } = useListState<string | boolean>({ prefix: PREFIX }, { limit: 10_000 });
  const items = useMemo(() => {
    const found = new Map<string, Partial<Item>>();
    for (const { key, value, source } of entries) {
      const [id, field] = String(key).slice(PREFIX.length).split('/') as [string, string];
      const item = found.get(id) ?? {};
      found.set(id, { ...item, [field]: value, isWaiting: item.isWaiting || source === 'waiting' });
    }
    // What another device has deleted while this one has changed it has no text any more: it stays deleted.
    return Array.from(found, ([id, item]) => ({ isDone: false, isWaiting: false, ...item, id })).filter((item): item is Item => 'text' in item);
  }, [entries]);
  return { items, status };
}

/**
 * Each field of an item is a key of its own: if one device changes the text and another ticks the item off, both is kept.
 * Of two texts that were written at once the later one is shown, on all devices alike. `update` says what was seen, so that
 * the ring knows what a change replaces.
 */
export const change = {
  add: (store: LocalStore, text: string) => store.put(`${PREFIX}${newId()}/text`, text),
  setText: (store: LocalStore, id: string, text: string) => store.update(`${PREFIX}${id}/text`, () => text),
  setDone: (store: LocalStore, id: string, isDone: boolean) => store.update(`${PREFIX}${id}/isDone`, () => isDone),
  remove: (store: LocalStore, ids: readonly string[]) =>
    Promise.all(
      ids.flatMap((id) => [store.update(`${PREFIX}${id}/text`, () => undefined), store.update(`${PREFIX}${id}/isDone`, () => undefined)]),
    ),
};

/** Later ids sort behind earlier ones; two devices never make the same. */
function newId(): string {
  return `${Date.now().toString(36).padStart(9, '0')}-${crypto.randomUUID().slice(0, 8)}`;
}

const PREFIX = 'todo/';
