/** One instance of the guest, the core of a server: `docs/guest-abi.md`. */
export class Guest {
  #exports: GuestExports;

  private constructor(exports: GuestExports) {
    this.#exports = exports;
  }

  /**
   * Makes an instance whose node has the settings `config`; `seed` is random, `now` in microseconds since the
   * Unix epoch. Throws what the node says to its settings.
   */
  static async make(module: WebAssembly.Module, config: Uint8Array, seed: bigint, now: bigint): Promise<Guest> {
    const { exports } = await WebAssembly.instantiate(module, {});
    if (!('henge_abi_1' in exports)) throw new Error(`the guest is none of ABI 1; it exports ${Object.keys(exports).join(', ')}`);
    const guest = new Guest(exports as unknown as GuestExports);
    const refusal = guest.#hand(config, (length) => guest.#exports.henge_init(length, seed, now));
    if (refusal.length > 0) throw new Error(new TextDecoder().decode(refusal));
    return guest;
  }

  /**
   * Hands over a batch of inputs, and returns the output batch: a view that is good until the next call. Throws
   * what a panic has said; the instance is of no use after that.
   */
  step(batch: Uint8Array, now: bigint): Uint8Array {
    try {
      return this.#hand(batch, (length) => this.#exports.henge_step(length, now));
    } catch (cause) {
      throw new Error(`the node has failed: ${this.#lastWords() ?? (cause as Error).message}`, { cause });
    }
  }

  #hand(bytes: Uint8Array, call: (length: number) => bigint): Uint8Array {
    const { henge_buffer, memory } = this.#exports;
    const address = henge_buffer(bytes.length) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, address);
    const packed = BigInt.asUintN(64, call(bytes.length));
    return new Uint8Array(memory.buffer, Number(packed >> 32n), Number(packed & 0xffff_ffffn));
  }

  #lastWords(): string | undefined {
    const { HENGE_PANIC, memory } = this.#exports;
    if (!HENGE_PANIC) return undefined;
    const at = HENGE_PANIC.value >>> 0;
    const length = new DataView(memory.buffer).getUint32(at, true);
    return length === 0 ? undefined : new TextDecoder().decode(new Uint8Array(memory.buffer, at + 4, length));
  }
}

interface GuestExports {
  readonly memory: WebAssembly.Memory;
  readonly HENGE_PANIC?: WebAssembly.Global<'i32'>;
  henge_buffer(length: number): number;
  henge_init(length: number, seed: bigint, now: bigint): bigint;
  henge_step(length: number, now: bigint): bigint;
}
