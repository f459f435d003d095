/**
 * What a node does about its old logs when an epoch has ended, one write at a time: it may die between any
 * two. The shell does the same (`snapshotShelf.ts`, `logPruner.ts`).
 */
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {shortenChain} from "@catalyze/core/ledger/handover";
import {makeSnapshot, type SnapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {planStarts, pruneSteps, pruneWindowH} from "@catalyze/core/ledger/pruning";
import {decodeSnapshotHead, encodeSnapshotHead, type SnapshotHead} from "@catalyze/core/ledger/snapshot";
import {storedStart} from "@catalyze/core/ledger/storedStart";
import {
  heightInKey,
  heightWrite,
  KEY,
  snapshotChunkKey,
  snapshotHeadKey,
  storedHandovers,
  storedHeight,
} from "@catalyze/core/ledger/storeKeys";
import type {StoreReader, Write} from "@catalyze/core/ports/store";

/** A few cells each, so that there are several. */
const CHUNK_BYTES = 1_500;

export type PruningWrite = {readonly writes: readonly Write[]; readonly entries: number};

export async function* pruning(
  store: StoreReader,
  source: SnapshotSource,
  genesis: Genesis,
): AsyncGenerator<PruningWrite> {
  const {height} = source.final.checkpoint;
  const chain = shortenChain(genesis, await storedHandovers(store), source.final);
  const {head, chunks} = madeOf({...source, ...chain});
  for (const [index, value] of chunks.entries())
    yield {writes: [{key: snapshotChunkKey(height, index), value}], entries: 0};
  const kept = (await store.range(KEY.snapshotHeads)).map(([key]) => heightInKey(key));
  const begun = (await storedHeight(store, KEY.begun)) ?? 0n;
  const windowH = pruneWindowH(head.governance);
  const {start, gone} = planStarts([...kept.filter((each) => each < height), height], {begun, windowH});
  const writes = [
    {key: snapshotHeadKey(height), value: encodeSnapshotHead(head)},
    ...gone.map((old) => ({key: snapshotHeadKey(old), value: undefined})),
    ...(start === undefined ? [] : [heightWrite(KEY.begun, start)]),
  ];
  yield {writes, entries: 0};
  const from = await storedStart(store);
  if (from === undefined || from.height !== (start ?? begun)) return;
  yield* pruneSteps(store, decodeSnapshotHead(from.bytes), genesis.params);
}

/** Whole, in chunks of a few cells. */
export function madeOf(source: SnapshotSource): {head: SnapshotHead; chunks: Uint8Array[]} {
  const chunks: Uint8Array[] = [];
  const steps = makeSnapshot(source, CHUNK_BYTES);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return {head: step.value, chunks};
    if (step.value !== undefined) chunks.push(step.value.chunk);
  }
}
