import { open } from 'henge/inline';

const store = await open({ name: 'guest-book', urls: location.origin });
const form = document.querySelector('form');
const list = document.querySelector('ul');
const state = document.querySelector('output');

async function show() {
  const entries = await store.list({ prefix: 'guest:', from: 'local' }).toArray();
  list.replaceChildren(
    ...entries.map(({ value, source }) => {
      const item = document.createElement('li');
      item.textContent = value;
      // It waits here or at the edge: the ring has not taken it yet.
      item.className = source;
      return item;
    }),
  );
}

store.subscribe({ prefix: 'guest:' }, show);
store.onStatus(({ state: now }) => (state.textContent = now));
state.textContent = store.status.state;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = new FormData(form).get('name');
  form.reset();
  await store.put(`guest:${Date.now()}:${crypto.randomUUID()}`, name);
});
// Before this, the browser itself would send the form, and the name would be lost.
form.querySelector('button').disabled = false;
