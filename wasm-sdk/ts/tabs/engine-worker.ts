import { describe } from '../codec.js';
import { StoreError } from '../errors.js';
import type { Notes } from '../media/progress.js';
import type { Opening } from '../open.js';
import { errorOfClone, lineOf, type ClonedError } from './messages.js';

/** What a tab tells its worker. */
export type Order =
  | {
      readonly kind: 'lead';
      readonly name: string;
      /** What the worker is known as to the tabs. */
      readonly id: string;
      /** The tab that tells it, and what leads there. */
      readonly tab: string;
      readonly port: MessagePort;
      readonly opening: Opening;
      /** What the tab has noted of the store: workers have nowhere to do so. `null` if it cannot. */
      readonly known: Notes['known'] | null;
    }
  /** The engine, which may come later: the worker finds its storage meanwhile. */
  | { readonly kind: 'engine'; readonly module: WebAssembly.Module }
  | { readonly kind: 'end' };

/** What a worker tells its tab: it has heard the order, it has the leaf, it cannot, it has ended; what to note. */
export type Report =
  | { readonly kind: 'heard' | 'leads' | 'ended' }
  | { readonly kind: 'failed'; readonly error: ClonedError }
  | { readonly kind: 'note'; readonly text: string };

/** The worker that has the leaf, in the tab that leads. */
export class EngineWorker {
  /** What leads to the leaf. */
  readonly port: MessagePort;
  #worker: Worker;
  /** Resolves when the worker has ended as it was told to. */
  #isOver: Promise<void>;

  /** Starts a worker, which leads the store `name` from then on; `gone` is called when it has ended by itself. */
  static async start(
    make: () => Worker,
    opening: Opening,
    wasm: Promise<WebAssembly.Module>,
    notes: Notes | undefined,
    name: string,
    tab: string,
    gone: () => void,
  ): Promise<EngineWorker> {
    const worker = make();
    if (typeof worker?.postMessage !== 'function') throw new StoreError('UNSUPPORTED', `the function worker must return a Worker, not ${describe(worker)}`);
    const { port1, port2 } = new MessageChannel();
    const id = crypto.randomUUID();
    const order: Order = { kind: 'lead', name, id, tab, port: port2, opening, known: notes ? notes.known : null };
    let over!: () => void;
    const isOver = new Promise<void>((resolve) => (over = resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string): void =>
          reject(new StoreError('UNSUPPORTED', `the worker of the store could not be started (${why}); its script must be henge/worker of this version`));
        const timer = setTimeout(() => fail(`it has said nothing for ${HEARD_MS_MAX / 1_000} s`), HEARD_MS_MAX);
        worker.onerror = ({ message }) => fail(message || 'its script could not be loaded');
        worker.onmessage = ({ data }: MessageEvent<Report>) => {
          clearTimeout(timer);
          if (data.kind === 'leads') resolve();
          if (data.kind === 'failed') reject(errorOfClone(data.error));
          if (data.kind === 'note') notes?.note(data.text);
          if (data.kind === 'ended') over();
        };
        worker.postMessage(order, [port2]);
        wasm.then((module) => worker.postMessage({ kind: 'engine', module } satisfies Order), reject);
      });
    } catch (error) {
      worker.terminate();
      throw error;
    }
    // The worker has this lock as long as it lives.
    void navigator.locks.request(lineOf(name, id), gone);
    return new EngineWorker(worker, port1, isOver);
  }

  private constructor(worker: Worker, port: MessagePort, isOver: Promise<void>) {
    this.#worker = worker;
    this.port = port;
    this.#isOver = isOver;
  }

  /** Ends it when all that was written is durable, or when that takes too long. */
  async end(): Promise<void> {
    this.#worker.postMessage({ kind: 'end' } satisfies Order);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#isOver, new Promise((resolve) => (timer = setTimeout(resolve, ENDED_MS_MAX)))]);
    clearTimeout(timer);
    this.#worker.terminate();
  }
}

/** How long a worker may take to load its script, in milliseconds. */
const HEARD_MS_MAX = 30_000;
/** How long one may take to end, in milliseconds. */
const ENDED_MS_MAX = 5_000;
