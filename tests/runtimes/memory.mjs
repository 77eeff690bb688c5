/** A ring inside of the runtime that plays the cases. It imports nothing, so that a page can load it as it is. */

/** The package `sdk`, every store of which goes to a ring of `cluster`, and that ring for `play()`. */
export async function inMemory(sdk, cluster) {
  const memory = await cluster();
  const { urls, WebSocket } = memory;
  const henge = {
    ...sdk,
    connect: (urls, options) => sdk.connect(urls, { WebSocket, ...options }),
    open: (options) => sdk.open({ WebSocket, ...options }),
  };
  const restart = async () => {
    await memory.stop(0);
    await memory.start(0);
  };
  return { henge, ring: { urls, restart } };
}
