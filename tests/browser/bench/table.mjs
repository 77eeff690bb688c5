/** Figures of many rounds as a table in Markdown. */

import { median } from './page/operations.mjs';

/**
 * A row for each of `rows` (`[operation, title]`), a column for each of `stores`. `rounds` has for each
 * round and store's title the figures by operation. A cell is the median, the least and the most, and
 * the median of the rounds' ratios to the figure of the first store; where that has none, to its figure
 * of the operation that `otherwise` names.
 */
export function tableOf(rows, stores, rounds, otherwise = {}) {
  const [first] = stores;
  const lines = [['', ...stores], ['---', ...stores.map(() => '--:')]];
  for (const [operation, title] of rows) {
    const compared = (figures) => figures[first][operation] ?? figures[first][otherwise[operation]];
    const cells = stores.map((store) => {
      const measured = rounds.filter((figures) => figures[store][operation] !== undefined);
      if (measured.length === 0) return '–';
      const times = measured.map((figures) => figures[store][operation]);
      const ratio = median(measured.map((figures) => figures[store][operation] / compared(figures)));
      const shown = `${round(median(times))} (${round(Math.min(...times))} to ${round(Math.max(...times))})`;
      return store === first ? shown : `${shown}, ${round(ratio)}x`;
    });
    lines.push([title, ...cells]);
  }
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** With three digits, or as many as there are before the point. */
function round(number) {
  return number >= 100 ? number.toFixed(0) : number.toPrecision(3);
}
