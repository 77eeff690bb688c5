/** Why the tabs of this page's site cannot agree on which of them uses their storage; `undefined` if they can. */
export async function lockProblem(): Promise<string | undefined> {
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks;
  if (!locks) return 'tabs cannot agree on who uses it: locks are only for pages that come by https, or from this machine';
  try {
    await locks.request('henge', { ifAvailable: true }, () => undefined);
    return undefined;
  } catch (error) {
    return `tabs cannot agree on who uses it: ${(error as Error).message}`;
  }
}
