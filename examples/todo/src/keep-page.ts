/** Keeps the files of this page on the device, so that it opens without a network, from its first visit on. */
export async function keepPage(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register('/service-worker.js');
  const own = performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.startsWith(location.origin));
  const cache = await caches.open('page');
  await cache.addAll([...new Set(['/', ...own])]);
}
