import { useStore } from 'henge/react';
import { useState, type FormEvent } from 'react';
import { Connection } from './Connection.tsx';
import { change, useItems, type Item } from './items.ts';
import { Row } from './Row.tsx';

/** Which items are shown. */
const FILTERS = {
  All: () => true,
  Open: ({ isDone }: Item) => !isDone,
  Done: ({ isDone }: Item) => isDone,
};

export function App() {
  const store = useStore();
  const { items, status } = useItems();
  const [filter, setFilter] = useState<keyof typeof FILTERS>('All');
  const shown = items.filter(FILTERS[filter]);
  const done = items.filter(FILTERS.Done);
  const left = items.length - done.length;
  return (
    <main className="card">
      <header>
        <h1>To do</h1>
        <Connection />
      </header>
      <Composer add={(text) => change.add(store, text)} />
      <ul aria-label="Items">
        {shown.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </ul>
      {shown.length === 0 && <p className="empty">{status === 'loading' ? 'Opening …' : WORDS[filter]}</p>}
      <footer>
        <span>{left === 1 ? '1 thing left' : `${left} things left`}</span>
        <div className="filters" role="group" aria-label="Which items are shown">
          {(Object.keys(FILTERS) as (keyof typeof FILTERS)[]).map((name) => (
            <button key={name} type="button" aria-pressed={name === filter} onClick={() => setFilter(name)}>
              {name}
            </button>
          ))}
        </div>
        <button type="button" className="quiet" disabled={done.length === 0} onClick={() => change.remove(store, done.map(({ id }) => id))}>
          Clear done
        </button>
      </footer>
    </main>
  );
}

function Composer({ add }: { add: (text: string) => unknown }) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === '') return;
    add(text.trim());
    setText('');
  };
  return (
    <form className="composer" onSubmit={submit}>
      <input aria-label="What is to be done?" placeholder="What is to be done?" maxLength={TEXT_MAX} value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit" disabled={text.trim() === ''}>
        Add
      </button>
    </form>
  );
}

const WORDS = { All: 'Nothing to do. Enjoy the day.', Open: 'All is done.', Done: 'Nothing is done yet.' };
/** Well below what a store takes. */
const TEXT_MAX = 500;
