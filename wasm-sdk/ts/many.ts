/**
 * What `work` makes of each of `items`, in their order. So many are under way at a time; after a failure no more are
 * begun.
 */
export async function many<I, O>(items: Iterable<I>, most: number, work: (item: I) => Promise<O>): Promise<O[]> {
  const results: O[] = [];
  const rest = items[Symbol.iterator]();
  let begun = 0;
  let isOver = false;
  const worker = async (): Promise<void> => {
    for (;;) {
      const next = isOver ? undefined : rest.next();
      if (!next || next.done) break;
      const place = begun++;
      results[place] = await work(next.value);
    }
    isOver = true;
  };
  const workers: Promise<void>[] = [];
  while (!isOver && workers.length < most) workers.push(worker());
  try {
    await Promise.all(workers);
  } finally {
    isOver = true;
  }
  return results;
}
