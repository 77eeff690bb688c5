import { describe } from './codec.js';
import type { EngineModule } from './engine-module.js';
import { LeafHost, type LeafSettings } from './leaf-host.js';
import type { LeafPort } from './leaf-port.js';
import { HengeLocalStore } from './local-store.js';
import type { Picked } from './media/pick.js';
import { notesOfPage, type Notes } from './media/progress.js';
import { checkOptions, Levels } from './options.js';
import type { Glue } from './runtime.js';
import type { LocalStore, OpenOptions, WebSocketClass } from './types.js';
import { EngineWorker } from './tabs/engine-worker.js';
import { areThereTabs, TabPort, type Lead } from './tabs/port.js';
import { socketUrls } from './urls.js';

/** What a leaf is opened with; it can be sent to a worker. */
export interface Opening {
  readonly name: string;
  readonly settings: LeafSettings;
  readonly storage: NonNullable<OpenOptions['storage']>;
  readonly folder: string | undefined;
  readonly addresses: readonly string[];
}

/** A store of this device that takes its writes to the ring. */
export async function open(engine: EngineModule, options: OpenOptions = {}): Promise<LocalStore> {
  checkOptions('open()', OPTIONS, options);
  const { name = 'default', urls, bucket = 'default', storage = 'auto', folder, worker } = options;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(`name must be 1 to 64 letters, digits, "_" or "-", not ${describe(name)}`);
  }
  const memoryBytes = checkCount('memoryBytes', options.memoryBytes, MEMORY_DEFAULT);
  const copies = checkCount('copies', options.copies, COPIES_DEFAULT);
  const addresses = urls === undefined ? [] : socketUrls('open()', urls);
  const opening: Opening = { name, settings: { bucket, memoryBytes, copies }, storage, folder, addresses };
  const isShared = SHARED.includes(storage) && (await areThereTabs());
  if (worker !== undefined) checkWorker(options);
  const loading = engine.load(options.wasm);
  // Where tabs cannot agree on who has it, the store is opened here.
  const make = isShared ? worker : undefined;
  const socketClass = urls === undefined || make ? undefined : await engine.webSocket(options.WebSocket, 'open({ urls, WebSocket })');
  const host = (): Promise<LeafHost> => openHost(engine, opening, loading, socketClass, isShared ? notesOfPage(name) : undefined);
  const lead: Lead = make ? { worker: (...who) => EngineWorker.start(make, opening, loading.then(() => engine.module()), notesOfPage(name), ...who) } : { host };
  const [port, glue] = await both(isShared ? TabPort.open(name, lead) : host(), loading);
  return new HengeLocalStore(name, port, new Levels(glue.levelCode), addresses.length > 0);
}

/** The leaf and the engine, which are opened and loaded at the same time. */
async function both(opening: Promise<LeafPort>, loading: Promise<Glue>): Promise<[LeafPort, Glue]> {
  const [port, glue] = await Promise.allSettled([opening, loading]);
  if (port.status === 'fulfilled' && glue.status === 'fulfilled') return [port.value, glue.value];
  if (port.status === 'fulfilled') await port.value.end();
  throw glue.status === 'rejected' ? glue.reason : (port as PromiseRejectedResult).reason;
}

/** Opens a leaf here, when the engine is loaded. */
export async function openHost(
  engine: EngineModule,
  opening: Opening,
  loading: Promise<unknown>,
  socketClass: WebSocketClass | undefined,
  notes: Notes | undefined,
): Promise<LeafHost> {
  const { name, settings, storage, folder, addresses } = opening;
  const pick = (): Promise<Picked> => engine.runtime.medium(name, storage, folder);
  // The storage is found meanwhile.
  let found: Promise<Picked> | undefined = pick();
  const pickNext = (): Promise<Picked> => {
    const next = found ?? pick();
    found = undefined;
    return next;
  };
  try {
    await Promise.all([loading, found]);
  } catch (error) {
    void found.then(({ medium }) => medium.close()).catch(() => undefined);
    throw error;
  }
  const host = new LeafHost(engine.loaded('open()'), settings, pickNext, addresses, socketClass, notes);
  try {
    await host.open();
    return host;
  } catch (error) {
    await host.end();
    throw error;
  }
}

function checkWorker({ worker, storage = 'auto', WebSocket }: OpenOptions): void {
  if (typeof worker !== 'function') {
    throw new TypeError(`worker must be a function that makes one, as it is needed again when that ends: () => new Worker(…); not ${describe(worker)}`);
  }
  if (!SHARED.includes(storage)) throw new TypeError(`a worker has its storage itself: ${SHARED.join(', ')}; not ${describe(storage)}`);
  if (WebSocket !== undefined) throw new TypeError('a worker has its own WebSocket; none can be handed in');
}

function checkCount(name: string, count: number | undefined, otherwise: number): number {
  if (count === undefined) return otherwise;
  if (Number.isInteger(count) && count >= 0 && count <= COUNT_MAX) return count;
  throw new TypeError(`${name} must be a whole number from 0 to ${COUNT_MAX}, not ${describe(count)}`);
}

/** Storage that all tabs of a site share. */
const SHARED: readonly unknown[] = ['auto', 'opfs', 'indexeddb'];
const NAME = /^[\w-]{1,64}$/;
const COPIES_DEFAULT = 10_000;
const MEMORY_DEFAULT = 32 * 2 ** 20;
const COUNT_MAX = 2 ** 32 - 1;
const OPTIONS: readonly string[] = ['name', 'urls', 'storage', 'folder', 'bucket', 'memoryBytes', 'copies', 'worker', 'WebSocket', 'wasm'];
