import { describe } from './codec.js';
import type { EngineModule } from './engine-module.js';
import { LeafHost } from './leaf-host.js';
import { HengeLocalStore } from './local-store.js';
import type { Picked } from './media/pick.js';
import { checkOptions, Levels } from './options.js';
import type { LocalStore, OpenOptions } from './types.js';
import { areThereTabs, TabPort } from './tabs/port.js';
import { socketUrls } from './urls.js';

/** A store of this device that takes its writes to the ring. */
export async function open(engine: EngineModule, options: OpenOptions = {}): Promise<LocalStore> {
  checkOptions('open()', OPTIONS, options);
  const { name = 'default', urls, bucket = 'default' } = options;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(`name must be 1 to 64 letters, digits, "_" or "-", not ${describe(name)}`);
  }
  const memoryBytes = checkCount('memoryBytes', options.memoryBytes, MEMORY_DEFAULT);
  const copies = checkCount('copies', options.copies, COPIES_DEFAULT);
  const addresses = urls === undefined ? [] : socketUrls('open()', urls);
  const glue = await engine.load(options.wasm);
  const socketClass =
    urls === undefined ? undefined : await engine.webSocket(options.WebSocket, 'open({ urls, WebSocket })');
  const openHost = async (): Promise<LeafHost> => {
    const pick = (): Promise<Picked> => engine.runtime.medium(name, options.storage ?? 'auto', options.folder);
    const host = new LeafHost(engine.loaded('open()'), { bucket, memoryBytes, copies }, pick, addresses, socketClass);
    try {
      await host.open();
    } catch (error) {
      await host.end();
      throw error;
    }
    return host;
  };
  const isShared = areThereTabs() && (options.storage === undefined || options.storage === 'auto' || options.storage === 'indexeddb');
  const port = isShared ? await TabPort.open(name, openHost) : await openHost();
  return new HengeLocalStore(name, port, new Levels(glue.levelCode), addresses.length > 0);
}

function checkCount(name: string, count: number | undefined, otherwise: number): number {
  if (count === undefined) return otherwise;
  if (Number.isInteger(count) && count >= 0 && count <= COUNT_MAX) return count;
  throw new TypeError(`${name} must be a whole number from 0 to ${COUNT_MAX}, not ${describe(count)}`);
}

const NAME = /^[\w-]{1,64}$/;
const COPIES_DEFAULT = 10_000;
const MEMORY_DEFAULT = 32 * 2 ** 20;
const COUNT_MAX = 2 ** 32 - 1;
const OPTIONS: readonly string[] = ['name', 'urls', 'storage', 'folder', 'bucket', 'memoryBytes', 'copies', 'WebSocket', 'wasm'];
