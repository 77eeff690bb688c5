import { bodyBytes, corrupt, HEAD_BYTES } from './format.js';

/** A stream of bytes, taken block by block. */
export class Blocks {
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next block; `undefined` if the stream ends before its end. */
  async next(): Promise<{ head: Uint8Array; body: Uint8Array } | undefined> {
    const head = await this.take(HEAD_BYTES);
    const body = head && (await this.take(bodyBytes(head)));
    return body && { head, body };
  }

  /** The next `count` bytes; `undefined` if there are fewer. */
  async take(count: number): Promise<Uint8Array | undefined> {
    while (this.#bytes < count) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      if (!(value instanceof Uint8Array)) throw corrupt('the stream has something else than bytes');
      this.#chunks.push(value);
      this.#bytes += value.length;
    }
    const taken = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const chunk = this.#chunks[0] as Uint8Array;
      const part = chunk.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length < chunk.length) this.#chunks[0] = chunk.subarray(part.length);
      else this.#chunks.shift();
    }
    this.#bytes -= count;
    return taken;
  }

  /** No more is taken. */
  async end(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}
