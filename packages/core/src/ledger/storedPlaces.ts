/**
 * Which entries the cuts of the present epoch cover, as a restart needs it: entries of the epoch may link to any
 * of them (`epochGraph.ts`), and carry as much as the cuts leave room for (`carryRoom.ts`). A value for each
 * checkpoint, until the epoch ends:
 *
 *   seats u16 | (seat u16 | carried u64 | useful u64)… | (witness u16 | n u64 | carried u64 | hash 32)…
 */
import type {StoreReader, Write} from "../ports/store.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {readId, writeId, writeU16, writeU64} from "./canonical.ts";
import type {Load, Loads} from "./carryRoom.ts";
import type {Head} from "./checkpoint.ts";
import type {Cut} from "./cut.ts";
import type {GraphPlace} from "./epochGraph.ts";
import type {LedgerParams} from "./params.ts";
import {heightInKey, KEY} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

const PLACE_BYTES = 2 + 8 + 8 + 32;
const LOAD_BYTES = 2 + 8 + 8;
const SEATS_MAX = 0xffff;

/** What one cut covers first. */
export type Covered = {readonly places: readonly (Head & GraphPlace)[]; readonly loads: Loads};

export type StoredPlaces = {
  readonly places: readonly (Head & GraphPlace)[];
  /** By height. */
  readonly loads: readonly (readonly [bigint, Loads])[];
};

/** What the checkpoint of this cut changes there. */
export function placeWrites(
  {checkpoint: {height, isLastOfEpoch}}: Pick<Cut, "checkpoint">,
  covered: Covered,
  {checkpointsPerEpoch}: Pick<LedgerParams, "checkpointsPerEpoch">,
): Write[] {
  if (!isLastOfEpoch) return [{key: placesKey(height), value: encodePlaces(covered)}];
  const before = Array.from({length: checkpointsPerEpoch - 1}, (_, at) => height - BigInt(at + 1));
  return before.map((each) => ({key: placesKey(each), value: undefined}));
}

/** Rejects as the store does, or with `DECODE_INVALID`. */
export async function storedPlaces(store: StoreReader): Promise<StoredPlaces> {
  const places: (Head & GraphPlace)[] = [];
  const loads: [bigint, Loads][] = [];
  for await (const [key, bytes] of storePages(store, KEY.places, {pageMax: 64})) {
    const covered = decodePlaces(bytes);
    for (const place of covered.places) places.push(place);
    loads.push([heightInKey(key), covered.loads]);
  }
  return {places, loads};
}

/** Throws `DECODE_INVALID`. */
export function decodePlaces(bytes: Uint8Array): Covered {
  const reader = new ByteReader(bytes);
  const loads = new Map<number, Load>();
  const seats = reader.count(reader.u16(), SEATS_MAX);
  for (let left = seats; left > 0; left -= 1)
    loads.set(reader.u16(), {carried: Number(reader.u64()), useful: Number(reader.u64())});
  const places: (Head & GraphPlace)[] = [];
  for (let left = (bytes.length - 2 - seats * LOAD_BYTES) / PLACE_BYTES; left > 0; left -= 1) {
    const place = {witness: reader.u16(), n: reader.u64(), carried: Number(reader.u64())};
    places.push({...place, hash: readId<Hash>(reader)});
  }
  reader.finish();
  return {places, loads};
}

function placesKey(height: bigint): string {
  return KEY.places + String(height).padStart(12, "0");
}

function encodePlaces({places, loads}: Covered): Uint8Array {
  const writer = new ByteWriter();
  writeU16(writer, loads.size);
  for (const [seat, {carried, useful}] of loads) {
    writeU16(writer, seat);
    writeU64(writer, BigInt(carried));
    writeU64(writer, BigInt(useful));
  }
  for (const {witness, n, carried, hash} of places) {
    writeU16(writer, witness);
    writeU64(writer, n);
    writeU64(writer, BigInt(carried));
    writeId(writer, hash);
  }
  return writer.finish();
}
