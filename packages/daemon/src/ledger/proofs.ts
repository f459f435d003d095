/** What the ledger holds, and that an op is certified, as anybody can check it who has the genesis. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {type BalanceProof, proveCell} from "@catalyze/core/ledger/balanceProof";
import type {CellName} from "@catalyze/core/ledger/cell";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {type Handover, shortenChain} from "@catalyze/core/ledger/handover";
import {cellOf, type OpProof} from "@catalyze/core/ledger/opProof";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {storedHandovers} from "@catalyze/core/ledger/storeKeys";
import type {Store} from "@catalyze/core/ports/store";
import type {OpId} from "@catalyze/core/primitives/id";

type From = {
  readonly replica: LedgerReplica;
  readonly store: Store;
  readonly genesis: Genesis;
};

/** A cell at the last checkpoint, or that there is none. Throws `NOT_FOUND` before the first. */
export async function provenCell(name: CellName, from: From): Promise<BalanceProof> {
  return cellProof(name, from, await storedHandovers(from.store));
}

/** One of the latest ops, by the entries in memory. Throws `NOT_FOUND`. */
export async function provenOp(id: OpId, from: From): Promise<OpProof> {
  const handovers = await storedHandovers(from.store);
  const {replica} = from;
  const shown = replica.lineTo(id);
  if (shown === undefined)
    throw new CodedError("NOT_FOUND", {
      message:
        "What shows that this op counts is not in memory: it is not certified yet, or waits with more than 64 of its account for a checkpoint, or is so long ago that only another node may have it, or this node has started since.",
      evidence: {opId: id},
    });
  const {op, following, certificates} = shown;
  const cell = cellProof(cellOf(op), from, handovers);
  const {height} = cell.final.checkpoint;
  const isAbove = certificates.length > 0 && (replica.base.logCell(op.body.cell)?.seq ?? 0n) < op.body.seq;
  const ended = isAbove ? handovers.find(({final: {checkpoint}}) => checkpoint.height === height) : undefined;
  return {cell, register: ended?.register, following, certificates};
}

function cellProof(name: CellName, {replica, genesis}: From, handovers: readonly Handover[]): BalanceProof {
  const {base, finalCheckpoint} = replica;
  if (finalCheckpoint.checkpoint.height === 0n)
    throw new CodedError("NOT_FOUND", {message: "No checkpoint is final yet.", retryAfterMs: 1_000});
  return proveCell(name, base, shortenChain(genesis, handovers, finalCheckpoint));
}
