/** What to do about an error, by its code. */

const ADVICE = {
  KEY_TOO_LARGE: 'Choose a key that is not empty and is shorter.',
  VALUE_TOO_LARGE: 'Store less under one key, or split it over several keys.',
  LEVEL: 'Choose a level that asks for no more replicas than a key has.',
  UNAVAILABLE: 'A write was not applied. Bring stones back, or ask for a lower level.',
  INDETERMINATE: 'It may or may not have been written. Get the key to see.',
  TIMEOUT: 'Try again, or ask for a lower level.',
  RATE_LIMITED: 'The stone is busy; nothing was written. Try again in a moment.',
  MISROUTED: 'The ring may have changed. Try again.',
  CLOCK_SKEW: 'The clock of one stone is too far off; nothing was written. Set its clock.',
  CORRUPT: 'Look at the log of the stone before you write more.',
  PROTOCOL: 'Page and stone may differ in version. Load the page again.',
  OFFLINE: 'No stone can be reached. Start one; the SDK dials again by itself.',
  CLOSED: 'Load the page again.',
  ABORTED: 'If it was a write, it may have been applied. Get the key to see.',
  INTERNAL: 'This is a mistake of Henge. Load the page again, and report what you did.',
  UNSUPPORTED: 'Use a current browser.',
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
