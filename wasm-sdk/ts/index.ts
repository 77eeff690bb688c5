/**
 * Client of Henge, a distributed key-value store.
 *
 * @example
 * import { connect } from 'henge';
 * await using store = await connect('http://127.0.0.1:7301');
 * await store.put('greeting', 'hello', { w: 2 });
 * console.log(await store.get('greeting', { r: 2 }));
 */
import { runtime } from '#wasm';
import { entryPoints } from './entry-points.js';

export const { connect, open, partitionOf } = entryPoints(runtime);
export * from './public.js';
