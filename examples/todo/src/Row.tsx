import { useStore } from 'henge/react';
import { useState, type KeyboardEvent } from 'react';
import { change, type Item } from './items.ts';

export function Row({ item: { id, text, isDone, isWaiting } }: { item: Item }) {
  const store = useStore();
  const [draft, setDraft] = useState<string>();
  const save = () => {
    setDraft(undefined);
    if (draft !== undefined && draft.trim() !== '' && draft.trim() !== text) void change.setText(store, id, draft.trim());
  };
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'Enter') save();
    if (key === 'Escape') setDraft(undefined);
  };
  return (
    <li className={isDone ? 'done' : undefined}>
      <input type="checkbox" aria-label={text} checked={isDone} onChange={(event) => change.setDone(store, id, event.target.checked)} />
      {draft === undefined ? (
        <button type="button" className="text" title={`Edit ${text}`} onClick={() => setDraft(text)}>
          {text}
        </button>
      ) : (
        <input className="text" aria-label={`Edit ${text}`} autoFocus value={draft} onChange={(event) => setDraft(event.target.value)} onBlur={save} onKeyDown={onKeyDown} />
      )}
      {isWaiting && <span className="waiting" role="img" aria-label="on this device only" title="On this device only, until there is a connection" />}
      <button type="button" className="remove" aria-label={`Delete ${text}`} onClick={() => change.remove(store, [id])}>
        ×
      </button>
    </li>
  );
}
