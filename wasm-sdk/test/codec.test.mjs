import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContext, decodeValue, encodeContext, encodeKey, encodeValue } from '../dist/codec.js';

const roundTrip = (value) => {
  const { encoding, bytes } = encodeValue(value);
  return decodeValue(encoding, bytes, 'key');
};

test('text, bytes and JSON read back as what they were', () => {
  const values = ['', 'text', '\ufeffmark', 'ünïcödé 🪨', new Uint8Array([0, 255]), null, true, 0, -1.5, [], { a: [1, { b: null }] }];
  for (const value of values) assert.deepEqual(roundTrip(value), value);
});

test('the encodings are those of the wire', () => {
  assert.equal(encodeValue(new Uint8Array(1)).encoding, 0);
  assert.equal(encodeValue('text').encoding, 1);
  assert.equal(encodeValue({}).encoding, 2);
});

test('a Buffer and an ArrayBuffer are bytes, and come back as a copy', () => {
  assert.deepEqual(roundTrip(Buffer.from('ab')), new Uint8Array([97, 98]));
  assert.deepEqual(roundTrip(new Uint8Array([1, 2]).buffer), new Uint8Array([1, 2]));
  const memory = new Uint8Array([1, 2, 3]);
  const value = decodeValue(0, memory.subarray(1), 'key');
  memory.fill(9);
  assert.deepEqual(value, new Uint8Array([2, 3]));
});

test('text with half of a surrogate pair is not changed', () => {
  assert.equal(roundTrip('a\ud800b'), 'a\ud800b');
  assert.equal(roundTrip('🪨'), '🪨');
});

test('what cannot be stored is refused with what can', () => {
  for (const value of [undefined, () => 1, Symbol('s')]) {
    assert.throws(() => encodeValue(value), (error) => error instanceof TypeError && /delete\(\)/.test(error.message));
  }
  const loop = {};
  loop.loop = loop;
  assert.throws(() => encodeValue(loop), /cannot be written as JSON/);
  assert.throws(() => encodeValue(10n), /cannot be written as JSON/);
  assert.throws(() => encodeValue(new Float64Array(2)), /Float64Array; wrap its buffer/);
});

test('a stored value that cannot be read is CORRUPT', () => {
  assert.throws(() => decodeValue(7, new Uint8Array(1), 'k'), { code: 'CORRUPT', key: 'k', message: /encoding 7/ });
  assert.throws(() => decodeValue(2, new Uint8Array([123]), 'k'), { code: 'CORRUPT', key: 'k' });
});

test('keys are UTF-8, and no two become one', () => {
  assert.deepEqual(encodeKey('é'), new Uint8Array([0xc3, 0xa9]));
  assert.deepEqual(encodeKey(new Uint8Array([1])), new Uint8Array([1]));
  assert.throws(() => encodeKey('\udfff'), /surrogate/);
  for (const key of [1, null, undefined, ['a']]) {
    assert.throws(() => encodeKey(key), /must be a string or a Uint8Array, not/);
  }
});

test('a context goes through text and back', () => {
  for (const length of [0, 1, 2, 3, 4_600]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 251) & 255);
    const text = encodeContext(bytes);
    assert.match(text, /^[\w-]*$/);
    assert.deepEqual(decodeContext(text), bytes);
  }
  assert.equal(decodeContext(undefined).length, 0);
  assert.throws(() => decodeContext('no context!'), /getEntry\(\)/);
});
