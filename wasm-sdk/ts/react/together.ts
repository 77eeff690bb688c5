const waiting = new Set<() => void>();
let isDue = false;
let doneAtMs = -Infinity;

/**
 * Does `work` soon, once, together with all else that is to be done then: at the end of this task, but not more often
 * than the screen shows it. So a burst of changes costs one rendering for each frame, and a single one waits for nothing.
 */
export function together(work: () => void): void {
  waiting.add(work);
  if (isDue) return;
  isDue = true;
  const waitMs = doneAtMs + FRAME_MS - performance.now();
  if (waitMs > 0) setTimeout(doAll, waitMs);
  else queueMicrotask(doAll);
}

function doAll(): void {
  isDue = false;
  doneAtMs = performance.now();
  const all = [...waiting];
  waiting.clear();
  for (const work of all) work();
}

/** How long a frame is shown, in milliseconds. */
const FRAME_MS = 16;
