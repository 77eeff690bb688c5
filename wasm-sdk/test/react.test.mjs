/** `henge/react` in React itself, over rings of real nodes. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { eventually } from './eventually.mjs';
import { createElement, revive, show } from './page.mjs';
import { StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { open } from '../dist/index.js';
import { HengeProvider, useList, useListState, usePending, useStatus, useStore, useValue, useValueState } from '../dist/react/index.js';
import { cluster } from '../dist/testing/index.js';

let ring;
let number = 0;
let prefix;
let store;
const opened = [];
const pages = [];

before(async () => (ring = await cluster({ nodes: 3 })));
after(() => ring.close());
beforeEach(async () => {
  prefix = `test-${number++}/`;
  store = await openStore();
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.end();
  await Promise.all(opened.splice(0).map((it) => it.close()));
});

async function openStore(options = { urls: ring.urls, WebSocket: ring.WebSocket }) {
  const it = await open({ name: `react-${number++}`, storage: 'memory', ...options });
  opened.push(it);
  return it;
}

/** A page with `Component`, which may use the store. */
function mount(Component, props = {}, at = store) {
  const page = show(createElement(HengeProvider, { store: at }, createElement(Component, props)));
  pages.push(page);
  return page;
}

const keysOf = (entries) => entries.map(({ key }) => key.slice(prefix.length)).join(' ');

test('a value is shown when it is there, and again when it changes here or elsewhere', async () => {
  const seen = [];
  const Name = () => {
    const { value, status } = useValueState(`${prefix}name`);
    seen.push(status);
    return `${value?.first ?? 'nobody'} ${status}`;
  };
  const other = await openStore();
  const page = mount(Name);
  await eventually(() => assert.equal(page.text, 'nobody synced'));
  assert.equal(seen[0], 'loading');
  await store.put(`${prefix}name`, { first: 'Ada' });
  await eventually(() => assert.equal(page.text, 'Ada synced'));
  await other.put(`${prefix}name`, { first: 'Grace' });
  await eventually(() => assert.equal(page.text, 'Grace synced'));
  await other.delete(`${prefix}name`);
  await eventually(() => assert.equal(page.text, 'nobody synced'));
});

test('a value that was here before is shown, with a ring or without one', async () => {
  await store.put(`${prefix}k`, 'first', { durability: 'ring' });
  const Value = () => String(useValue(`${prefix}k`));
  const shown = mount(Value);
  await eventually(() => assert.equal(shown.text, 'first'));
  const alone = await openStore({});
  await alone.put(`${prefix}k`, 'alone');
  const page = mount(Value, {}, alone);
  await eventually(() => assert.equal(page.text, 'alone'));
});

test('a value is one object until it changes, also when the ring takes it', async () => {
  const seen = new Set();
  const Value = () => {
    const value = useValue(`${prefix}k`);
    seen.add(value);
    return String(value?.n);
  };
  const page = mount(Value);
  await store.put(`${prefix}k`, { n: 1 }, { durability: 'ring' });
  await eventually(() => assert.equal(page.text, '1'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(seen.size, 2);
  await store.put(`${prefix}k`, { n: 2 }, { durability: 'ring' });
  await eventually(() => assert.equal(page.text, '2'));
  assert.equal(seen.size, 3);
});

test('bytes are a key like any other', async () => {
  const key = new Uint8Array([0, 255, number]);
  const Value = () => String(useValue(Uint8Array.from(key)));
  const page = mount(Value);
  await store.put(key, 'bytes');
  await eventually(() => assert.equal(page.text, 'bytes'));
});

test('another key shows another value, and never that of the one before', async () => {
  await store.putMany([[`${prefix}a`, 'A'], [`${prefix}b`, 'B']]);
  const seen = [];
  const Value = ({ name }) => {
    const value = useValue(prefix + name);
    seen.push([name, value]);
    return String(value);
  };
  const page = mount(Value, { name: 'a' });
  await eventually(() => assert.equal(page.text, 'A'));
  page.change(createElement(HengeProvider, { store }, createElement(Value, { name: 'b' })));
  await eventually(() => assert.equal(page.text, 'B'));
  for (const [name, value] of seen) assert.ok(value === undefined || value === name.toUpperCase(), `${name} showed ${value}`);
});

test('a list is in the order of its keys, and an entry that has not changed is the same object', async () => {
  const lists = [];
  const List = () => {
    const entries = useList({ prefix });
    lists.push(entries);
    return keysOf(entries);
  };
  await store.putMany([[`${prefix}c`, { n: 3 }], [`${prefix}a`, { n: 1 }]]);
  await store.flush();
  const page = mount(List);
  await eventually(() => assert.equal(page.text, 'a c'));
  await store.put(`${prefix}b`, { n: 2 }, { durability: 'ring' });
  await eventually(() => assert.equal(page.text, 'a b c'));
  const earlier = lists.find((entries) => entries.length === 2);
  await eventually(() => assert.ok(lists.at(-1)[1].version));
  assert.equal(lists.at(-1)[0], earlier[0]);
  assert.equal(lists.at(-1)[2], earlier[1]);
  const other = await openStore();
  await other.delete(`${prefix}a`);
  await other.put(`${prefix}c`, { n: 4 });
  await eventually(() => assert.equal(page.text, 'b c'));
  await eventually(() => assert.deepEqual(lists.at(-1).map(({ value }) => value.n), [2, 4]));
  assert.equal(new Set(lists).size, lists.length, 'it was rendered without another list');
});

test('an entry says whether the ring has it', async () => {
  const List = () => useList({ prefix }).map(({ source, version }) => `${source} ${typeof version}`).join();
  await ring.cut(0, 'clients');
  await ring.cut(1, 'clients');
  await ring.cut(2, 'clients');
  const page = mount(List);
  await store.put(`${prefix}k`, 1);
  await eventually(() => assert.equal(page.text, 'waiting undefined'));
  await ring.heal();
  await eventually(() => assert.equal(page.text, 'copy string'), 15_000);
});

test('keys sort as bytes, backwards too, and a range ends before its end', async () => {
  const names = ['a', 'z', 'é', '\u{FFFD}', '\u{1F600}'];
  const Lists = () => {
    const forwards = useList({ prefix });
    const backwards = useList({ prefix }, { reverse: true });
    const range = useList({ start: `${prefix}b`, end: `${prefix}\u{1F600}` });
    return [forwards, backwards, range].map(keysOf).join('|');
  };
  const page = mount(Lists);
  for (const name of [names[4], names[0], names[3], names[1], names[2]]) await store.put(prefix + name, 1);
  const expected = [names, [...names].reverse(), names.slice(1, 4)].map((it) => it.join(' ')).join('|');
  await eventually(() => assert.equal(page.text, expected));
});

test('a list holds no more than its limit, and what comes after moves up when there is room', async () => {
  const List = () => {
    const { entries, hasMore } = useListState({ prefix }, { limit: 3 });
    return `${keysOf(entries)} ${hasMore}`;
  };
  await store.putMany(['b', 'c', 'd', 'e'].map((name) => [prefix + name, 1]));
  const page = mount(List);
  await eventually(() => assert.equal(page.text, 'b c d true'));
  await store.put(`${prefix}a`, 1);
  await eventually(() => assert.equal(page.text, 'a b c true'));
  await store.put(`${prefix}f`, 1);
  await store.delete(`${prefix}b`);
  await eventually(() => assert.equal(page.text, 'a c d true'));
  await store.delete(`${prefix}a`);
  await store.delete(`${prefix}c`);
  await eventually(() => assert.equal(page.text, 'd e f false'));
  const tooMany = () => renderToString(createElement(HengeProvider, { store }, createElement(() => keysOf(useList({ prefix }, { limit: 10_001 })))));
  assert.throws(tooMany, /limit must be a whole number from 1 to 10000, not 10001/);
});

test('a burst of changes costs few renderings, and none is missing in the end', async () => {
  let renderings = 0;
  const Count = () => {
    renderings += 1;
    return String(useList({ prefix }, { limit: 5_000 }).length);
  };
  const other = await openStore();
  const page = mount(Count);
  await eventually(() => assert.equal(page.text, '0'));
  const before = renderings;
  const startMs = performance.now();
  await other.putMany(Array.from({ length: 2_000 }, (_, n) => [`${prefix}${n}`, n]));
  await eventually(() => assert.equal(page.text, '2000'), 20_000);
  const most = (performance.now() - startMs) / 16 + 2;
  assert.ok(renderings - before <= most, `${renderings - before} renderings, at most ${most} frames`);
});

test('more changes than are kept between two renderings are read anew', async () => {
  const { ListSource } = await import('../dist/react/list.js');
  const entries = Array.from({ length: 3 }, (_, n) => ({ key: `k${n}`, value: n, source: 'copy', version: String(n) }));
  let tell;
  let lists = 0;
  const fake = {
    subscribe: (_, listener) => ((tell = listener), () => undefined),
    list: () => ((lists += 1), { toArray: async () => entries }),
  };
  const source = new ListSource(fake, { prefix: 'k' }, 1_000, false, () => undefined);
  const stop = source.listen(() => undefined);
  await eventually(() => assert.equal(source.snapshot.entries.length, 3));
  for (let n = 0; n < 10_002; n++) tell({ type: 'set', key: `k${n}`, value: n, source: 'copy', version: String(n) });
  await eventually(() => assert.equal(lists, 2));
  stop();
});

test('in strict mode all is shown, and one subscription is left', async () => {
  const counted = counting(store);
  const Value = () => String(useValue(`${prefix}k`));
  const page = show(createElement(StrictMode, null, createElement(HengeProvider, { store: counted.store }, createElement(Value), createElement(Value))));
  pages.push(page);
  await store.put(`${prefix}k`, 'v');
  await eventually(() => assert.equal(page.text, 'vv'));
  assert.deepEqual([counted.begun, counted.ended], [1, 0]);
});

test('what nobody shows any more is let go after a while, and not before', async () => {
  const counted = counting(store);
  const Value = () => String(useValue(`${prefix}k`));
  const at = (show) => createElement(HengeProvider, { store: counted.store }, show && createElement(Value));
  const page = show(at(true));
  pages.push(page);
  await store.put(`${prefix}k`, 'v');
  await eventually(() => assert.equal(page.text, 'v'));
  page.change(at(false));
  await eventually(() => assert.equal(page.text, ''));
  page.change(at(true));
  // It was kept, so it is there at once.
  await eventually(() => assert.equal(page.text, 'v'));
  assert.deepEqual([counted.begun, counted.ended], [1, 0]);
  page.change(at(false));
  await eventually(() => assert.deepEqual([counted.begun, counted.ended], [1, 1]));
});

test('a server renders what is not loaded yet, and the page comes to life without complaint', async () => {
  await store.put(`${prefix}k`, 'v');
  const Page = () => `${useValueState(`${prefix}k`).status} ${useListState({ prefix }).entries.length} ${useStatus().state} ${usePending()}`;
  const element = createElement(HengeProvider, { store }, createElement(Page));
  const html = renderToString(element);
  assert.equal(html, 'loading 0 connecting 0');
  const complaints = [];
  const page = revive(html, element, { onRecoverableError: (error) => complaints.push(error) });
  pages.push(page);
  await eventually(() => assert.match(page.text, /^synced 1 connected /));
  assert.deepEqual(complaints, []);
});

test('the connection and the writes that wait are shown', async () => {
  const Line = () => `${useStatus().state} ${usePending()}`;
  const page = mount(Line);
  await eventually(() => assert.equal(page.text, 'connected 0'));
  for (const node of [0, 1, 2]) await ring.cut(node, 'clients');
  await store.putMany([[`${prefix}a`, 1], [`${prefix}b`, 1]]);
  await eventually(() => assert.equal(page.text, 'offline 2'));
  await ring.heal();
  await eventually(() => assert.equal(page.text, 'connected 0'), 15_000);
  await store.close();
  await eventually(() => assert.equal(page.text, 'closed 0'));
});

test('a closed store shows its error, and takes no page down', async () => {
  await store.close();
  const Page = () => `${useValueState(`${prefix}k`).error?.code} ${useListState({ prefix }).error?.code}`;
  const page = mount(Page);
  await eventually(() => assert.equal(page.text, 'CLOSED CLOSED'));
});

test('a store that is closed under a page leaves it as it is', async () => {
  const Page = () => String(useValue(`${prefix}k`));
  const page = mount(Page);
  await store.put(`${prefix}k`, 'kept');
  await eventually(() => assert.equal(page.text, 'kept'));
  await store.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(page.text, 'kept');
});

test('a namespace is a store like any other', async () => {
  const notes = store.namespace(prefix);
  const Page = () => `${useValue('k')} ${useList({ prefix: 'k' }).map(({ key }) => key)} ${useStore() === notes}`;
  const page = mount(Page, {}, notes);
  await notes.put('k', 'v');
  await eventually(() => assert.equal(page.text, 'v k true'));
});

test('a hook without a provider says what is missing', () => {
  assert.throws(() => renderToString(createElement(() => useValue('k'))), /put <HengeProvider store=/);
  const wrong = () => renderToString(createElement(HengeProvider, { store }, createElement(() => useList('k').length)));
  assert.throws(wrong, /useList\(\) takes { prefix } or { start, end }; useValue\(\) takes a key/);
});

/** A store that counts what is subscribed to. */
function counting(of) {
  const counted = { begun: 0, ended: 0 };
  counted.store = new Proxy(of, {
    get(target, name) {
      const it = target[name];
      if (name !== 'subscribe') return typeof it === 'function' ? it.bind(target) : it;
      return (...args) => {
        counted.begun += 1;
        const stop = target.subscribe(...args);
        return () => {
          counted.ended += 1;
          stop();
        };
      };
    },
  });
  return counted;
}
