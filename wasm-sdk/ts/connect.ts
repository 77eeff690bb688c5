import { decodeText, describe } from './codec.js';
import { Connection } from './connection.js';
import type { EngineModule } from './engine-module.js';
import { checkOptions, checkSignal, checkTimeout, Levels } from './options.js';
import { HengeStore } from './store.js';
import type { ConnectOptions, Store } from './types.js';
import { socketUrls, type Urls } from './urls.js';

/** A store without a storage: every call goes to the ring. */
export async function connect(engine: EngineModule, urls: Urls, options: ConnectOptions = {}): Promise<Store> {
  checkOptions('connect()', OPTIONS, options);
  checkSignal(options.signal);
  const timeoutMs = checkTimeout(options.timeoutMs);
  const { bucket = 'default' } = options;
  if (typeof bucket !== 'string') throw new TypeError(`bucket must be the name of one, not ${describe(bucket)}`);
  const session = decodeText(options.session, 'session', 'sessionToken() has given');
  const addresses = socketUrls('connect()', urls);
  const glue = await engine.load(options.wasm);
  const levels = new Levels(glue.levelCode);
  levels.code(options.r);
  levels.code(options.w);
  const socketClass = await engine.webSocket(options.WebSocket, 'connect(url, { WebSocket })');
  const connection = new Connection(glue, bucket, addresses, socketClass);
  await connection.open(session, timeoutMs, options.signal);
  return new HengeStore(connection, levels, { r: options.r, w: options.w, timeoutMs: options.timeoutMs });
}

const OPTIONS: readonly string[] = ['bucket', 'session', 'r', 'w', 'timeoutMs', 'signal', 'WebSocket', 'wasm'];
