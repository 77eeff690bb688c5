/** Values between the form and the store. */

/** What the form holds, as the store takes it: a string, or parsed JSON. */
export function parseValue(text, kind) {
  if (kind !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`The value is not JSON: ${error.message}`), { code: 'NOT_JSON' });
  }
}

/** A stored value as text, with what it is. */
export function describeValue(value) {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (value instanceof Uint8Array) return { kind: `${value.length} bytes`, text: hex(value) };
  return { kind: 'JSON', text: JSON.stringify(value, null, 2) };
}

function hex(bytes) {
  const shown = [...bytes.subarray(0, BYTES_SHOWN)].map((byte) => byte.toString(16).padStart(2, '0'));
  return shown.join(' ') + (bytes.length > BYTES_SHOWN ? ' …' : '');
}

const BYTES_SHOWN = 256;
