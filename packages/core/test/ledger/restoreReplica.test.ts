import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import type {Entry} from "@catalyze/core/ledger/entry";
import {encodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {checkpointKey, entryKey, KEY} from "@catalyze/core/ledger/storeKeys";
import {ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {entryOf, genesisOf, NOW} from "./witnessKit.ts";

const genesis = genesisOf(4);
const root = entryOf(genesis, {witness: 0});
const ours = entryOf(genesis, {witness: 0, n: 2n, prev: root.hash});
const theirs = entryOf(genesis, {witness: 0, n: 2n, prev: root.hash, timeMs: NOW + 1});
const after = entryOf(genesis, {witness: 0, n: 3n, prev: theirs.hash, timeMs: NOW + 2});

/** A store whose last checkpoint ends witness 0's log at `head`; this node had seen `ours` first. */
function storeWith(head: Entry): MemoryStore {
  const disk = new MemoryDisk();
  const {witness, n} = head.header;
  const checkpoint = {
    ...genesisCheckpoint(genesis, genesisState(genesis)),
    height: 1n,
    heads: [{witness, n, hash: head.hash}],
  };
  const final = {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
  const meta = new ByteWriter().u64(1n).raw(fromHex(final.hash)).finish();
  disk.write(
    [
      {key: KEY.meta, value: meta},
      {key: checkpointKey(1n), value: encodeFinalCheckpoint(final)},
      ...[root, ours].map((entry) => ({key: entryKey({entry, isMain: true}), value: entry.bytes})),
      ...[theirs, after].map((entry) => ({key: entryKey({entry, isMain: false}), value: entry.bytes})),
    ],
    true,
  );
  return new MemoryStore(disk);
}

describe("restoreReplica", () => {
  it("takes for covered the branch of a forked log that the cut names, not the one that it saw first", async () => {
    const covered = async (head: Entry) => {
      const restored = await restoreReplica({genesis, store: storeWith(head), signed: []});
      return restored.covered.map(({hash}) => hash);
    };
    expect(await covered(ours)).toEqual([root.hash, ours.hash]);
    expect(await covered(theirs)).toEqual([root.hash, theirs.hash]);
    expect(await covered(after)).toEqual([root.hash, theirs.hash, after.hash]);
  });
});
