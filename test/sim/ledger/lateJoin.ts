/** How a simulated follower begins: with the snapshot that another node keeps of the last epoch's end. */

import {coveredLogs} from "@catalyze/core/ledger/coveredLogs";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {isProven} from "@catalyze/core/ledger/finality";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {followHandovers, shortenChain} from "@catalyze/core/ledger/handover";
import type {SnapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {coveredHeads} from "@catalyze/core/ledger/register";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotHead,
  type SnapshotHead,
} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {beginningWrites, KEY, storedHandovers} from "@catalyze/core/ledger/storeKeys";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import type {StoreReader, Write} from "@catalyze/core/ports/store";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {madeOf} from "./simPruning.ts";

type World = {
  readonly store: StoreReader;
  readonly genesis: Genesis;
  readonly verifier: SignatureVerifier;
};

/** Everything travels as bytes and is checked, as it is between daemons. */
export async function beginningFrom(
  source: SnapshotSource,
  {store, genesis, verifier}: World,
): Promise<Write[]> {
  const chain = shortenChain(genesis, await storedHandovers(store), source.final);
  const {head, chunks} = sent({...source, ...chain});
  const committee = followHandovers(genesis, head.handovers, verifier)?.committee;
  const proof = committee && {committee, verifier, genesisHash: fromHex(genesisHash(genesis))};
  if (proof === undefined || !isProven(head.final, proof)) throw new Error("a snapshot is not proven");
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

function sent(source: SnapshotSource): {head: SnapshotHead; chunks: readonly Uint8Array[]} {
  const {head, chunks} = madeOf(source);
  return {head: decodeSnapshotHead(encodeSnapshotHead(head)), chunks};
}
