/** How a simulated follower begins: with the snapshot that another node keeps of the last epoch's end. */
import {coveredLogs} from "@catalyze/core/ledger/coveredLogs";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {makeSnapshot, type SnapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {coveredHeads} from "@catalyze/core/ledger/register";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotHead,
  type SnapshotHead,
} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {beginningWrites, KEY, storedHandovers} from "@catalyze/core/ledger/storeKeys";
import type {StoreReader, Write} from "@catalyze/core/ports/store";

/** A few cells each, so that there are several. */
const CHUNK_BYTES = 1_500;

/** Everything travels as bytes, as it does between daemons. */
export async function beginningFrom(source: SnapshotSource, store: StoreReader): Promise<Write[]> {
  const {epoch} = source.final.checkpoint;
  const all = await storedHandovers(store);
  const handovers = all.filter(({final}) => final.checkpoint.epoch < epoch);
  const {head, chunks} = sent({...source, handovers});
  const builder = new SnapshotBuilder(head);
  for (const [index, bytes] of [...chunks.entries()].reverse())
    builder.take(index, decodeSnapshotChunk(bytes));
  const entries = await store.range(KEY.entries);
  const covered = coveredLogs(
    entries.map(([, bytes]) => decodeEntry(bytes)),
    coveredHeads(head.final.checkpoint, head.register),
  );
  if (covered === undefined) throw new Error("a node lacks entries below its own cut");
  return beginningWrites(builder.finish(), head.final, {covered, handovers: head.handovers});
}

function sent(source: SnapshotSource): {head: SnapshotHead; chunks: Uint8Array[]} {
  const chunks: Uint8Array[] = [];
  const steps = makeSnapshot(source, CHUNK_BYTES);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return {head: decodeSnapshotHead(encodeSnapshotHead(step.value)), chunks};
    if (step.value !== undefined) chunks.push(step.value.chunk);
  }
}
