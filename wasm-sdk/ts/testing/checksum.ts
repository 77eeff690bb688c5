/** The checksum of a frame: XXH3 with 64 bits and seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). */

/** The checksum of what a frame consists of without it: 8 bytes of header and a body, so 9 bytes at least. */
export function checksum(bytes: Uint8Array): bigint {
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { byteLength: length } = input;
  if (length <= 16) return ofFew(input);
  if (length <= 128) return ofSome(input);
  return length <= 240 ? ofMore(input) : ofMany(input);
}

function ofFew(input: DataView): bigint {
  const low = word(input, 0) ^ word(SECRET, 24) ^ word(SECRET, 32);
  const high = word(input, input.byteLength - 8) ^ word(SECRET, 40) ^ word(SECRET, 48);
  return avalanche(u64(BigInt(input.byteLength) + swapped(low) + high + folded(low, high)));
}

function ofSome(input: DataView): bigint {
  const { byteLength: length } = input;
  let sum = BigInt(length) * PRIME64[0];
  for (let pair = Math.ceil(length / 32) - 1; pair >= 0; pair--) {
    sum += mixed(input, 16 * pair, 32 * pair);
    sum += mixed(input, length - 16 * (pair + 1), 32 * pair + 16);
  }
  return avalanche(u64(sum));
}

function ofMore(input: DataView): bigint {
  const { byteLength: length } = input;
  let sum = BigInt(length) * PRIME64[0];
  for (let at = 0; at < 128; at += 16) sum += mixed(input, at, at);
  sum = avalanche(u64(sum));
  for (let at = 128; at + 16 <= length; at += 16) sum += mixed(input, at, at - 128 + 3);
  return avalanche(u64(sum + mixed(input, length - 16, 119)));
}

function ofMany(input: DataView): bigint {
  const { byteLength: length } = input;
  const sums = [PRIME32[2], ...PRIME64.slice(0, 4), PRIME32[1], PRIME64[4], PRIME32[0]];
  let at = 0;
  for (; at + 64 < length; at += 64) {
    const stripe = (at / 64) % 16;
    accumulate(sums, input, at, 8 * stripe);
    // A block ends only where another byte follows.
    if (stripe === 15) scramble(sums);
  }
  accumulate(sums, input, length - 64, 121);
  let sum = BigInt(length) * PRIME64[0];
  for (let pair = 0; pair < 8; pair += 2) {
    const [low, high] = [sums[pair] as bigint, sums[pair + 1] as bigint];
    sum += folded(low ^ word(SECRET, 8 * pair + 11), high ^ word(SECRET, 8 * pair + 19));
  }
  return avalanche(u64(sum));
}

function accumulate(sums: bigint[], input: DataView, at: number, secret: number): void {
  for (let lane = 0; lane < 8; lane++) {
    const value = word(input, at + 8 * lane);
    const keyed = value ^ word(SECRET, secret + 8 * lane);
    sums[lane ^ 1] = u64((sums[lane ^ 1] as bigint) + value);
    sums[lane] = u64((sums[lane] as bigint) + (keyed & 0xffff_ffffn) * (keyed >> 32n));
  }
}

function scramble(sums: bigint[]): void {
  for (let lane = 0; lane < 8; lane++) {
    const sum = sums[lane] as bigint;
    sums[lane] = u64((sum ^ (sum >> 47n) ^ word(SECRET, 128 + 8 * lane)) * PRIME32[0]);
  }
}

/** 16 bytes of the input with 16 of the secret. */
function mixed(input: DataView, at: number, secret: number): bigint {
  return folded(word(input, at) ^ word(SECRET, secret), word(input, at + 8) ^ word(SECRET, secret + 8));
}

function folded(a: bigint, b: bigint): bigint {
  const product = a * b;
  return u64(product) ^ (product >> 64n);
}

function avalanche(hash: bigint): bigint {
  const mixed = u64((hash ^ (hash >> 37n)) * 0x1656_6791_9e37_79f9n);
  return mixed ^ (mixed >> 32n);
}

function swapped(value: bigint): bigint {
  swap.setBigUint64(0, value, true);
  return swap.getBigUint64(0);
}

const swap = new DataView(new ArrayBuffer(8));
const word = (bytes: DataView, at: number): bigint => bytes.getBigUint64(at, true);
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

const PRIME32 = [0x9e37_79b1n, 0x85eb_ca77n, 0xc2b2_ae3dn] as const;
const PRIME64 = [
  0x9e37_79b1_85eb_ca87n,
  0xc2b2_ae3d_27d4_eb4fn,
  0x1656_67b1_9e37_79f9n,
  0x85eb_ca77_c2b2_ae63n,
  0x27d4_eb2f_1656_67c5n,
] as const;

/** The default secret of the specification. */
const SECRET = new DataView(
  Uint8Array.from(
    (
      'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
      'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
      '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
      'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
      'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
      '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e'
    ).match(/../g) as string[],
    (byte) => Number.parseInt(byte, 16),
  ).buffer,
);
