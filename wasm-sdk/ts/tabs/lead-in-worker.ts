import type { EngineModule } from '../engine-module.js';
import { notesOf } from '../media/progress.js';
import { openHost } from '../open.js';
import type { Order, Report } from './engine-worker.js';
import { Leader } from './leader.js';
import { cloneError, lineOf } from './messages.js';

/** The part of a dedicated worker's scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(report: Report): void;
}

/** Makes this worker one that has the leaf of all tabs, when its tab says so. */
export function leadInWorker(engine: EngineModule): void {
  const scope = globalThis as unknown as WorkerScope;
  let end: (() => Promise<void>) | undefined;
  let give!: (module: WebAssembly.Module) => void;
  const loading = new Promise<WebAssembly.Module>((resolve) => (give = resolve)).then((module) => engine.load(module));
  scope.onmessage = async ({ data }) => {
    if (data.kind === 'engine') return give(data.module);
    if (data.kind === 'end') {
      await end?.();
      return scope.postMessage({ kind: 'ended' });
    }
    const { name, id, tab, port, opening, known } = data;
    try {
      await hold(lineOf(name, id));
      scope.postMessage({ kind: 'heard' });
      const notes = known === null ? undefined : notesOf(known, (text) => scope.postMessage({ kind: 'note', text }));
      const socketClass = await engine.webSocket(undefined, 'a worker that has one');
      const host = await openHost(engine, opening, loading, socketClass, notes);
      const leader = new Leader(name, host, id);
      leader.serve(tab, port);
      end = async () => {
        leader.end();
        await host.end();
      };
      scope.postMessage({ kind: 'leads' });
    } catch (error) {
      scope.postMessage({ kind: 'failed', error: cloneError(error) });
    }
  };
}

/** Holds a lock from now on until this worker ends. */
async function hold(lock: string): Promise<void> {
  await new Promise<void>((resolve) => {
    void navigator.locks.request(lock, () => {
      resolve();
      return new Promise(() => undefined);
    });
  });
}
