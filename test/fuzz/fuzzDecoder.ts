/**
 * Bytes from outside, as wrong as they come: noise, and true items with bits flipped, cut, lengthened, with
 * lengths and counts of everything, and glued together. A decoder may answer with the one value whose bytes
 * these are, or refuse with its code; nothing else, and with no more memory than the bytes are worth.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {toHex} from "@catalyze/core/primitives/bytes";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";

/** A soak asks for more: `CTZ_FUZZ_RUNS=1000000`. */
const RUNS = Number(process.env["CTZ_FUZZ_RUNS"] ?? 1_000);
/** Far above what a refusal takes, far below what an unchecked count of 2^32 would. */
const HEAP_MAX = 24 * 1024 * 1024;

export type FuzzedDecoder = {
  /** Decodes, and encodes again where there is one encoding only. */
  readonly roundTrip: (bytes: Uint8Array) => Uint8Array | undefined | Promise<undefined>;
  readonly samples: readonly Uint8Array[];
  readonly codes: readonly string[];
};

/** Throws on the first answer that is neither. Returns how many were taken for true. */
export async function fuzzDecoder(name: string, decoder: FuzzedDecoder): Promise<number> {
  const random = new SeededRandom(`fuzz ${name}`);
  let accepted = 0;
  for (let run = 0; run < RUNS; run++) accepted += await tryOne(decoder, damaged(random, decoder.samples));
  for (const bytes of withHugeCounts(decoder.samples)) await boundedTry(decoder, bytes);
  return accepted;
}

/** 1 when the bytes are taken for true. */
export async function tryOne({roundTrip, codes}: FuzzedDecoder, bytes: Uint8Array): Promise<number> {
  let again: Uint8Array | undefined;
  try {
    again = await roundTrip(bytes);
  } catch (error) {
    if (error instanceof CodedError && codes.includes(error.code)) return 0;
    throw new Error(`not a refusal of ${toHex(bytes)}`, {cause: error});
  }
  if (again !== undefined && toHex(again) !== toHex(bytes)) {
    throw new Error(`a second encoding: ${toHex(bytes)} for ${toHex(again)}`);
  }
  return 1;
}

async function boundedTry(decoder: FuzzedDecoder, bytes: Uint8Array): Promise<void> {
  const before = memory();
  await tryOne(decoder, bytes);
  const rise = memory() - before;
  if (rise > HEAP_MAX) throw new Error(`${bytes.length} bytes took ${rise} bytes of memory: ${toHex(bytes)}`);
}

function memory(): number {
  const {heapUsed, external} = process.memoryUsage();
  return heapUsed + external;
}

function damaged(random: SeededRandom, samples: readonly Uint8Array[]): Uint8Array {
  const sample = random.pick(samples).slice();
  const at = random.int(sample.length + 1);
  switch (random.int(7)) {
    case 0:
      return random.bytes(random.int(600));
    case 1:
      return sample.subarray(0, at);
    case 2:
      return Buffer.concat([sample, random.bytes(1 + random.int(40))]);
    case 3:
      return Buffer.concat([sample.subarray(0, at), random.pick(samples).subarray(at)]);
    case 4: {
      const length = random.int(80);
      return Buffer.concat([sample.subarray(0, at), random.bytes(length), sample.subarray(at)]);
    }
    case 5:
      return sample.fill(random.pick([0, 1, 0x7f, 0xff]), at, at + 1 + random.int(4));
    default:
      for (let flips = 1 + random.int(4); flips > 0; flips--) {
        const bit = random.int(sample.length * 8);
        sample[bit >> 3] = (sample[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }
      return sample;
  }
}

/** Wherever a count or a length may stand, the highest there is, with nothing behind it. */
function* withHugeCounts(samples: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const sample of samples) {
    const step = Math.max(1, Math.floor(sample.length / 200));
    for (let at = 0; at < sample.length; at += step) {
      for (const width of [1, 2, 4]) yield sample.slice(0, at + width).fill(0xff, at, at + width);
    }
  }
}
