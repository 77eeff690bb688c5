/** What a call gave: value, version, time, partition and owners, siblings; or what went wrong. */

import { explain } from './advice.js';
import { html, set, setChildren } from './dom.js';
import { latency } from './format.js';
import { describeValue } from './value.js';

/** Shows that a call is under way. */
export function showPending(node, verb, key) {
  set(node, { 'data-outcome': 'pending', 'data-code': null, 'data-latency-ms': null, 'aria-busy': true });
  setChildren(node, html('p', { class: 'quiet' }, `${verb} ${key} …`));
}

/**
 * Shows how a call ended.
 * @param {{verb, key, took_ms, entry?, version?, absent?, error?, partition, owners, onKeep}} result
 */
export function showResult(node, result) {
  const outcome = result.error ? 'error' : result.absent ? 'absent' : 'ok';
  set(node, {
    'data-outcome': outcome,
    'data-code': result.error ? explain(result.error).code : null,
    'data-latency-ms': result.took_ms.toFixed(3),
    'data-partition': result.partition,
    'aria-busy': false,
  });
  setChildren(node, html('p', { class: 'headline' }, headline(result)), ...BODIES[outcome](result), where(result));
}

function headline({ verb, error, absent, took_ms }) {
  const time = html('span', { class: 'time' }, latency(took_ms));
  const text = error ? `${verb} failed` : absent ? 'No such key' : DONE[verb];
  return html('span', {}, html('strong', {}, text), ' ', time);
}

const DONE = { Put: 'Put', Get: 'Found', Delete: 'Deleted' };

const BODIES = {
  ok: ({ entry, version, onKeep }) => [
    entry ? valueBlock(entry.value) : null,
    entry?.siblings?.length > 0 ? siblingsBlock(entry.siblings, onKeep) : null,
    versionLine(entry?.version ?? version),
  ],
  absent: ({ key }) => [html('p', {}, `Nothing is stored under “${key}”.`)],
  error: ({ error }) => {
    const { code, message, advice } = explain(error);
    return [html('p', { class: 'error' }, html('code', {}, code), ' ', message, ' ', advice)];
  },
};

function valueBlock(value) {
  const { kind, text } = describeValue(value);
  return html('figure', { class: 'value' }, html('figcaption', {}, kind), html('pre', { tabindex: 0 }, text));
}

/** Concurrent values, each with a button that keeps it and ends the conflict. */
function siblingsBlock(siblings, onKeep) {
  const items = siblings.map((value) => {
    const keep = html('button', { type: 'button', class: 'quiet' }, 'Keep this one');
    keep.addEventListener('click', () => onKeep(value));
    return html('li', {}, html('pre', { tabindex: 0 }, describeValue(value).text), keep);
  });
  const others = siblings.length === 1 ? '1 other value is' : `${siblings.length} other values are`;
  return html('div', { class: 'siblings' },
    html('p', {}, `${others} concurrent: each was written without having read the rest. Put replaces all, or keep one:`),
    html('ul', {}, ...items));
}

function versionLine(version) {
  return version === undefined ? null : html('p', { class: 'version' }, 'Version ', html('code', {}, String(version)));
}

function where({ partition, owners }) {
  if (partition === null) return null;
  const chips = owners.map((member) => html('li', { style: `--member: ${member.colour}`, 'data-standing': member.up },
    member.up ? member.name : `${member.name}, ${member.word}`));
  return html('div', { class: 'where' }, html('p', {}, `Partition ${partition}, kept by`), html('ol', {}, ...chips));
}
