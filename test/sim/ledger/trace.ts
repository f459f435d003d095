/** A simulated ledger in words: one line for everything that a node says. */
import {decodeConsensus} from "@catalyze/core/ledger/consensusCodec";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {entryName} from "@catalyze/core/ledger/entryNumber";
import {decodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import type {Op} from "@catalyze/core/ledger/op";
import type {Spoken} from "./simLedgerNode.ts";

const short = (id: string) => id.slice(0, 8);

export function describeOp({id, body: {cell, seq, payload}}: Op): string {
  return `${payload.kind} ${short(id)} at slot ${short(cell)}/${seq}`;
}

export function describe(effect: Spoken): string {
  switch (effect.kind) {
    case "broadcast":
      return describeBroadcast(effect.what, effect.bytes);
    case "certified":
      return `sees certified: ${effect.ops.map(short).join(" ")}`;
    case "checkpointed": {
      const {height, epoch, stateRoot} = effect.checkpoint;
      const ops = effect.ops.length === 0 ? "" : `, with ${effect.ops.map(short).join(" ")}`;
      return `adopts checkpoint ${height} of epoch ${epoch}, root ${short(stateRoot)}${ops}`;
    }
    case "evidence":
      return `has evidence: a ${effect.what}`;
    case "fetch":
      return `misses something, asks ${effect.from ?? "anyone"}`;
    case "rejected":
      return `refuses ${effect.op === undefined ? "what came" : short(effect.op)}: ${effect.code} ${effect.reason}`;
    case "violation":
      return `STOPS: ${effect.reason}`;
  }
}

function describeBroadcast(what: "entry" | "consensus" | "checkpoint", bytes: Uint8Array): string {
  if (what === "entry") {
    const {header, carry, acks, hash} = decodeEntry(bytes);
    const ops = carry.length === 0 ? "" : `, carries ${carry.map(({id}) => short(id)).join(" ")}`;
    const seen = acks.length === 0 ? "" : `, acknowledges ${acks.length}`;
    return `${header.isSeal ? "seals with" : "writes"} entry ${entryName(header.n)} ${short(hash)}${ops}${seen}`;
  }
  if (what === "checkpoint") {
    const {checkpoint, signatures} = decodeFinalCheckpoint(bytes);
    return `sends checkpoint ${checkpoint.height} with ${signatures.length} signatures`;
  }
  const {proposals, votes} = decodeConsensus(bytes);
  const said = [
    ...proposals.map(({checkpoint, hash}) => `proposes ${short(hash)} for height ${checkpoint.height}`),
    ...votes.map(({kind, height, iteration}) => `votes ${kind} at height ${height}, iteration ${iteration}`),
  ];
  return said.join("; ");
}
