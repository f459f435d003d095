/** One node and the logs that it sees, written by hand: bad members too write what a test wants. */
import {isLastOfEpoch} from "@catalyze/core/ledger/checkpoint";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {computeCut} from "@catalyze/core/ledger/cut";
import type {Entry} from "@catalyze/core/ledger/entry";
import {nextNumber} from "@catalyze/core/ledger/entryNumber";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {replicaParts} from "@catalyze/core/ledger/replicaParts";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import {type EntryParts, entryOf, NOW, verifier, witnesses} from "./witnessKit.ts";

export function bookWorld(genesis: Genesis) {
  const {book} = replicaParts({genesis, verifier, voteSigner: undefined}, freshReplica(genesis));
  const logs = new Map<number, Entry>();
  const write = (witness: number, about: Omit<EntryParts, "witness">) => {
    const {height} = book.checkpoint;
    const stamp = {stampH: height, stampHash: book.final.hash as Hash};
    const end = book.dag.head(witness);
    const place = {n: nextNumber(end, book.epoch), ...(end === undefined ? {} : {prev: end.hash})};
    const timeMs = NOW + Number(height) * 60_000;
    const entry = entryOf(genesis, {witness, ...place, ...stamp, timeMs, ...about});
    logs.set(witness, entry);
    return book.take(entry);
  };
  /** The next checkpoint, of what these and nobody else have written. */
  const close = (members: readonly number[]) => {
    const isSeal = isLastOfEpoch(book.checkpoint.height + 1n, genesis.params.checkpointsPerEpoch);
    for (const witness of members) write(witness, {isSeal});
    const before = book.checkpoint.heads.filter(({witness}) => !members.includes(witness));
    const now = members.map((witness) => {
      const {hash, header} = logs.get(witness)!;
      return {witness, n: header.n, hash};
    });
    const heads = [...before, ...now].sort((left, right) => left.witness - right.witness);
    const result = computeCut(book.cutContext(), heads);
    if (result.kind !== "cut") throw new Error(result.kind);
    const {checkpoint, hash} = result.cut;
    const signatures = members.map((witness) => {
      const vote = {kind: "finalize", height: checkpoint.height, iteration: 1, hash, witness} as const;
      return {
        witness,
        signature: signVote(vote, witnesses[witness]!, fromHex(genesisHash(genesis))).signature,
      };
    });
    return {cut: result.cut, adopted: book.adopt(result.cut, {checkpoint, hash, iteration: 1, signatures})};
  };
  return {book, write, close};
}
