/** What the ledger holds, and that an op is certified, as anybody can check it who has the genesis. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {type BalanceProof, proveCell} from "@catalyze/core/ledger/balanceProof";
import type {CellName} from "@catalyze/core/ledger/cell";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {shortenChain} from "@catalyze/core/ledger/handover";
import type {OpProof} from "@catalyze/core/ledger/opProof";
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
export async function provenCell(name: CellName, {replica, store, genesis}: From): Promise<BalanceProof> {
  const handovers = await storedHandovers(store);
  const {base, finalCheckpoint} = replica;
  if (finalCheckpoint.checkpoint.height === 0n)
    throw new CodedError("NOT_FOUND", {message: "No checkpoint is final yet.", retryAfterMs: 1_000});
  return proveCell(name, base, shortenChain(genesis, handovers, finalCheckpoint));
}

/** One of the latest ops, by the entries in memory. Throws `NOT_FOUND`. */
export async function provenOp(id: OpId, {replica, store, genesis}: From): Promise<OpProof> {
  const certified = replica.certificateOf(id);
  if (certified === undefined)
    throw new CodedError("NOT_FOUND", {
      message:
        "No quorum of votes for such an op is in memory: it is not certified yet, or so long ago that only another node may have them, or this node has started since.",
      evidence: {opId: id},
    });
  const {certificate, epoch} = certified;
  const before = (await storedHandovers(store)).filter(({final}) => final.checkpoint.epoch < epoch);
  const last = before.at(-1);
  if (last === undefined) return {handovers: [], certificate};
  const {handovers, final} = shortenChain(genesis, before, last.final);
  return {handovers: [...handovers, {final, register: last.register}], certificate};
}
