/** A script with all that it imports, made small: as a bundler would for a page. */

import { build } from 'esbuild';

/** The one script that comes of `entry`, for browsers; other packages and modules of wasm stay outside. */
export async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    packages: 'external',
    external: ['node:*', '*.wasm'],
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0].contents;
}
