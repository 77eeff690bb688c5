/** Stores in a worker of the page's. It imports nothing, so that a page can load it as it is. */

/** The package `sdk`, every store of which is in a worker that `worker` makes, and in OPFS. */
export function inWorker(sdk, worker) {
  const open = async (options) => {
    const store = await sdk.open(options?.storage === undefined ? { worker, ...options } : options);
    const { kind, reason } = store.storage;
    if (options?.storage === undefined && kind !== 'opfs') throw new Error(`the store is in ${kind}: ${reason}`);
    return store;
  };
  return { ...sdk, open };
}
