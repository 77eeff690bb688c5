/** The pairs that all stores get: the same in every page and on every server. */

/** The key of pair `number` below `prefix`: 13 characters, in no order. */
export function keyOf(prefix, number) {
  return `${prefix}/${scramble(number).toString(16).padStart(8, '0')}`;
}

/** The value of `key`: 256 characters of one byte each, which do not compress to less than three quarters. */
export function valueOf(key) {
  let state = [...key].reduce((hash, char) => scramble(hash ^ char.charCodeAt(0)), 1) || 1;
  let value = '';
  while (value.length < VALUE_CHARS) {
    // xorshift32 (Marsaglia, "Xorshift RNGs", 2003).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    value += ALPHABET[state >>> 26];
  }
  return value;
}

/** Pairs `from` to `to` (exclusive) below `prefix`. */
export function pairsOf(prefix, from, to) {
  return Array.from({ length: to - from }, (_, index) => {
    const key = keyOf(prefix, from + index);
    return [key, valueOf(key)];
  });
}

/** Throws unless `values` are those of `keys`. */
export function check(keys, values) {
  if (values.length !== keys.length) throw new Error(`${keys.length} keys were read, ${values.length} values came`);
  keys.forEach((key, index) => {
    const value = values[index];
    if (value !== valueOf(key)) throw new Error(`${key} reads as ${JSON.stringify(value)}, not as it was written`);
  });
}

/** A bijection of the numbers below 2^32. */
function scramble(number) {
  return Math.imul(number, 0x9e37_79b1) >>> 0;
}

const VALUE_CHARS = 256;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
