/** What the cases expect, without any library: a page loads it as it is. */

/** Connects, and closes what it has used. */
export async function using(henge, urls, use) {
  const store = await henge.connect(urls);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** What a call throws that must fail. */
export async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('the call succeeded, and should not have');
}

/** Compares text, numbers and the like. */
export function equal(actual, expected) {
  if (!Object.is(actual, expected)) throw new Error(`${show(actual)} is not ${show(expected)}`);
}

/** Compares values with bytes in them. */
export function same(actual, expected) {
  equal(show(actual), show(expected));
}

/** Whether a text says something. */
export function includes(text, words) {
  if (!text.includes(words)) throw new Error(`${show(text)} does not say ${show(words)}`);
}

/** Waits until something is so. */
export async function until(isSo, limitMs = 10_000) {
  for (const end = performance.now() + limitMs; !isSo(); ) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A name that no other case has. */
export function fresh() {
  return `name-${crypto.randomUUID()}`;
}

function show(value) {
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  return value === undefined ? 'undefined' : JSON.stringify(value, (_, inner) => (inner instanceof Uint8Array ? show(inner) : inner));
}
