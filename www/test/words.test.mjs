import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../js/advice.js';
import { bytes, latency, percent, rate, span } from '../js/format.js';
import { describeValue, parseValue } from '../js/value.js';

const check = (format, cases) => {
  for (const [value, expected] of cases) assert.equal(format(value), expected);
};

test('sizes, times and rates read well at every magnitude', () => {
  check(bytes, [[0, '0 B'], [1023, '1,023 B'], [1536, '1.5 KiB'], [48e6, '46 MiB'], [undefined, '0 B']]);
  check(latency, [[0.4213, '0.42 ms'], [3.14, '3.1 ms'], [1234, '1,234 ms'], [null, '–']]);
  check(span, [[900, '0 s'], [61_000, '1 min'], [7_200_000, '2 h'], [3 * 86_400_000, '3 days']]);
  check(rate, [[null, '–'], [0, '0'], [2.54, '2.5'], [1234.5, '1,235']]);
  check(percent, [[1 / 3, '33.3%'], [1, '100%']]);
});

test('an error is a code, a message that ends, and what to do', () => {
  const error = Object.assign(new Error('only 1 of 2 replicas answered'), { code: 'UNAVAILABLE', retryable: true });
  const { code, message, advice } = explain(error);
  assert.equal(code, 'UNAVAILABLE');
  assert.equal(message, 'Only 1 of 2 replicas answered.');
  assert.match(advice, /not applied/);
});

test('an error without a code still has one, and an aborted call is told from a mistake', () => {
  assert.equal(explain(new Error('oh')).code, 'INTERNAL');
  assert.equal(explain(new DOMException('gone', 'AbortError')).code, 'ABORTED');
});

test('a code that is not known is retried only if it may be', () => {
  assert.equal(explain(Object.assign(new Error('x'), { code: 'NEW', retryable: true })).advice, 'Try again.');
  assert.equal(explain(Object.assign(new Error('x'), { code: 'NEW', retryable: false })).advice, '');
});

test('text stays text, JSON is parsed, and what is no JSON says so', () => {
  assert.equal(parseValue('{"a":1}', 'text'), '{"a":1}');
  assert.deepEqual(parseValue('{"a":1}', 'json'), { a: 1 });
  assert.throws(() => parseValue('{a', 'json'), { code: 'NOT_JSON' });
});

test('values are described by what they are', () => {
  assert.deepEqual(describeValue('x'), { kind: 'text', text: 'x' });
  assert.equal(describeValue([1]).kind, 'JSON');
  assert.deepEqual(describeValue(new Uint8Array([1, 255])), { kind: '2 bytes', text: '01 ff' });
  assert.match(describeValue(new Uint8Array(999)).text, /…$/);
});
