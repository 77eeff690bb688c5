/** What to do about an error, where its message does not say it already. */

const ADVICE = {
  UNAVAILABLE: 'A write was not applied.',
  MISROUTED: 'Load the page again: the ring may have changed.',
  CLOCK_SKEW: 'Set the clock of that stone; nothing was written.',
  CORRUPT: 'Look at the log of the stone before you write more.',
  PROTOCOL: 'Load the page again: page and stone may differ in version.',
  CLOSED: 'Load the page again.',
  UNSUPPORTED: 'Use a current browser.',
  INTERNAL: 'This is a mistake of Henge: load the page again, and report what you did.',
  ARGUMENT: 'Correct what you entered.',
  NOT_JSON: 'Correct the value, or write it as text.',
};

/** Message and advice as sentences. */
export function explain(error) {
  const code = codeOf(error);
  const message = String(error?.message ?? error).trim();
  const ended = /[.!?]$/.test(message) ? message : `${message}.`;
  const advice = ADVICE[code] ?? (error?.retryable ? 'Try again.' : '');
  return { code, message: ended.charAt(0).toUpperCase() + ended.slice(1), advice };
}

/** A `StoreError` has a code of its own; the SDK throws a `TypeError` for what no call can take. */
function codeOf(error) {
  if (typeof error?.code === 'string') return error.code;
  return BY_NAME[error?.name] ?? 'INTERNAL';
}

const BY_NAME = { AbortError: 'ABORTED', TypeError: 'ARGUMENT' };
