/**
 * Whether a member is up, judged from two kinds of evidence: whether it answers this page, and
 * what the members that do answer say of their links to it.
 */

import { names } from './format.js';

/**
 * @param {{asked: boolean, answers: boolean, answeredBefore: boolean}} contact this page's own view
 * @param {{by: string, up: boolean}[]} reports what other members that answer now say
 * @returns {{up: boolean, word: string, why: string}} `word` is for labels, `why` a sentence or ''
 */
export function judge(contact, reports) {
  const unreachedBy = reports.filter((report) => !report.up).map((report) => report.by);
  const reachedBy = reports.filter((report) => report.up).map((report) => report.by);
  if (contact.answers) return judgeAnswering(unreachedBy, reports.length);
  if (!contact.asked) return { up: false, word: 'asking…', why: '' };
  if (!contact.answeredBefore && reachedBy.length > unreachedBy.length) {
    return { up: true, word: 'up', why: `It does not answer this page; ${names(reachedBy)} can reach it.` };
  }
  const seen = reachedBy.length > 0 ? ` Still counted as up by ${names(reachedBy)}.` : '';
  return { up: false, word: 'down', why: `It does not answer.${seen}` };
}

/** A member that answers here but that most others have lost is cut off, not up. */
function judgeAnswering(unreachedBy, reports) {
  if (unreachedBy.length === 0) return { up: true, word: 'up', why: '' };
  const why = `${names(unreachedBy)} cannot reach it.`;
  if (unreachedBy.length * 2 > reports) return { up: false, word: 'cut off', why: `It answers this page, but ${why}` };
  return { up: true, word: 'up', why };
}

/**
 * How many partitions have fewer owners up than a quorum of their replicas.
 * @param {number[][]} owners member indexes of each partition
 * @param {boolean[]} up by member index
 */
export function partitionsWithoutQuorum(owners, up) {
  const lacking = (list) => list.filter((index) => up[index]).length < Math.floor(list.length / 2) + 1;
  return owners.filter(lacking).length;
}
