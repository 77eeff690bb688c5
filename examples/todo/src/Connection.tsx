import { usePending, useStatus } from 'henge/react';

/** Whether what is shown here is everywhere. */
export function Connection() {
  const { state } = useStatus();
  const pending = usePending();
  const [look, words] = describe(state, pending);
  return (
    <p className={`connection ${look}`} role="status">
      {words}
    </p>
  );
}

function describe(state: ReturnType<typeof useStatus>['state'], pending: number): [look: string, words: string] {
  if (state === 'connected') return pending === 0 ? ['good', 'Synced'] : ['busy', `Saving ${pending}`];
  const kept = pending === 0 ? '' : ` · ${pending} kept here`;
  return state === 'connecting' ? ['busy', `Connecting${kept}`] : ['away', `Offline${kept}`];
}
