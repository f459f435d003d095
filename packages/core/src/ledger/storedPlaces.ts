/**
 * Which entries the cuts of the present epoch cover, as a restart needs it: entries of the epoch may link to any
 * of them (`epochGraph.ts`). A value for each checkpoint, until the epoch ends:
 *
 *   witness u16 | n u64 | hash 32 …
 */
import type {StoreReader, Write} from "../ports/store.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {readId, writeId, writeU16, writeU64} from "./canonical.ts";
import type {Head} from "./checkpoint.ts";
import type {Cut} from "./cut.ts";
import type {LedgerParams} from "./params.ts";
import {KEY} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

const PLACE_BYTES = 2 + 8 + 32;

/** What the checkpoint of this cut changes there. */
export function placeWrites(
  {checkpoint: {height, isLastOfEpoch}, nodes}: Cut,
  {checkpointsPerEpoch}: Pick<LedgerParams, "checkpointsPerEpoch">,
): Write[] {
  if (!isLastOfEpoch) return [{key: placesKey(height), value: encodePlaces(nodes)}];
  const before = Array.from({length: checkpointsPerEpoch - 1}, (_, at) => height - BigInt(at + 1));
  return before.map((each) => ({key: placesKey(each), value: undefined}));
}

/** Rejects as the store does, or with `DECODE_INVALID`. */
export async function storedPlaces(store: StoreReader): Promise<Head[]> {
  const places: Head[] = [];
  for await (const [, bytes] of storePages(store, KEY.places, {pageMax: 64}))
    places.push(...decodePlaces(bytes));
  return places;
}

/** Throws `DECODE_INVALID`. */
export function decodePlaces(bytes: Uint8Array): Head[] {
  const places: Head[] = [];
  const reader = new ByteReader(bytes);
  for (let left = bytes.length / PLACE_BYTES; left > 0; left -= 1)
    places.push({witness: reader.u16(), n: reader.u64(), hash: readId<Hash>(reader)});
  reader.finish();
  return places;
}

function placesKey(height: bigint): string {
  return KEY.places + String(height).padStart(12, "0");
}

function encodePlaces(nodes: Cut["nodes"]): Uint8Array {
  const writer = new ByteWriter();
  for (const {entry} of nodes) {
    writeU16(writer, entry.header.witness);
    writeU64(writer, entry.header.n);
    writeId(writer, entry.hash);
  }
  return writer.finish();
}
