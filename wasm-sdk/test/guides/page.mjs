/** What is code in a page of the guide. */

/** The blocks of a page: those between fences, and comments that begin with `run`, which readers do not see. */
export function blocksOf(page) {
  const blocks = [];
  let block;
  for (const [index, line] of page.split('\n').entries()) {
    const opens = /^(?:```(.+)|<!-- (run))$/.exec(line);
    if (block && /^(```|-->)$/.test(line)) {
      blocks.push(block);
      block = undefined;
    } else if (block) {
      block.code.push(line);
    } else if (opens) {
      block = { kind: opens[1] ?? opens[2], line: index + 1, code: [] };
    }
  }
  if (block) throw new Error(`the block that begins in line ${block.line} has no end`);
  return blocks;
}

/** The code of `blocks` as one program, in which each line has the number that it has in the page. */
export function programOf(blocks) {
  const lines = [];
  for (const { line, code } of blocks) for (const [index, text] of code.entries()) lines[line + index] = text;
  return Array.from(lines, (text) => text ?? '').join('\n');
}

/** What `blocks` promise to print: what stands behind `console.log(…); //`, or behind `// →` in a line of its own. */
export function printedBy(blocks) {
  const promises = blocks.flatMap(({ code }) => code.map((line) => /(?:console\.log\(.*\); \/\/|^\/\/ →) (.*)$/.exec(line)?.[1]));
  return promises.filter((promise) => promise !== undefined).map((promise) => `${promise}\n`).join('');
}

/** Where a page leads, and the places in it that others can lead to. */
export function linksOf(page) {
  const prose = page.replace(/^```[\s\S]*?^```$/gm, '');
  const links = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link);
  const headings = Array.from(prose.matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading));
  const counts = new Map();
  const anchors = headings.map((anchor) => {
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return { links, anchors: [...anchors, ...Array.from(prose.matchAll(/<a id="([^"]+)"/g), ([, id]) => id)] };
}

/** The anchor of a heading, as forges make it. */
function anchorOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
