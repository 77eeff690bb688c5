/** Numbers, sizes, durations and lists as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const list = new Intl.ListFormat('en', { type: 'conjunction' });

/** A count: `12,345`. */
export const count = (value) => whole.format(value ?? 0);

/** A rate a second: one digit below ten, none above. */
export function rate(value) {
  if (value === null || value === undefined) return '–';
  return value < 10 ? oneDigit.format(value) : whole.format(value);
}

/** Bytes in binary units: `1.5 MiB`. */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value ?? 0;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? oneDigit.format(size) : whole.format(size)} ${units[unit]}`;
}

/** A share of one: `33.3%`. */
export const percent = (share) => `${oneDigit.format((share ?? 0) * 100)}%`;

/** Milliseconds of a round trip: `0.42 ms`, `12 ms`. */
export function latency(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${whole.format(ms)} ms`;
}

/** A span of time in its largest unit: `42 s`, `5 min`, `3 h`, `2 days`. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** `a, b, and c`. */
export const names = (items) => list.format(items);

/** `1 key`, `2 keys`. */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
