/** Ops of the logs as the doors show them, each as it concerns one cell. */
import type {CellOpList, CellOpView} from "@catalyze/api/schema/money";
import {debitOf} from "@catalyze/core/ledger/apply";
import type {Payload, SplitTarget} from "@catalyze/core/ledger/op";
import {locksMadeBy, saleIdsOf} from "@catalyze/core/ledger/opCodec";
import type {CellId} from "@catalyze/core/primitives/id";
import type {CellOp} from "../ledger/cellHistory.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import {cellsView, type Sight} from "./cellViews.ts";

/** Throws `NOT_FOUND` when there is nothing under this id, and no op that names it. */
export async function cellHistoryView(id: CellId, limit: number, sight: Sight): Promise<CellOpList> {
  const {ops, sinceMs, begunH} = await sight.ledger.opsOf(id, {limit});
  // Says in its own words that there is nothing.
  if (ops.length === 0) cellsView(id, sight);
  return {
    id,
    items: ops.map((each) => itemOf(each, id, sight.ledger)),
    ...(sinceMs === undefined ? {} : {sinceMs}),
    ...(begunH === undefined ? {} : {begunHeight: begunH.toString()}),
  };
}

function itemOf({op, atMs}: CellOp, id: CellId, ledger: LedgerNode): CellOpView {
  const {cell, seq, fee, payload} = op.body;
  const agreed = ledger.checkpointedState().logCell(cell)?.seq ?? 0n;
  return {
    ...{opId: op.id, atMs, cell, kind: payload.kind},
    seq: seq.toString(),
    amountUctz: (payload.kind === "claim" ? payload.cumulative : debitOf(payload)).toString(),
    feeUctz: fee.toString(),
    ...moved(payload, {id, isOwn: cell === id}),
    opens: [...locksMadeBy(op), ...saleIdsOf(op)],
    grade: seq <= agreed ? "checkpointed" : "certified",
  };
}

type Moved = Pick<CellOpView, "receivedUctz" | "assetId" | "units" | "to">;

function moved(payload: Payload, {id, isOwn}: {readonly id: CellId; readonly isOwn: boolean}): Moved {
  switch (payload.kind) {
    case "transfer":
      return transferred(payload, {id, isOwn});
    case "open": {
      const [lock] = payload.locks;
      return lock === undefined ? {} : {to: lock.controller};
    }
    case "claim": {
      const paid = payload.payouts?.filter(({to}) => isCell(to, id));
      return paid === undefined ? {} : {receivedUctz: sumOf(paid).toString()};
    }
    case "issue":
      return {units: payload.supply.toString()};
    case "harvest":
      return {assetId: payload.asset};
    default:
      return {};
  }
}

function transferred(
  {outputs, asset}: Extract<Payload, {kind: "transfer"}>,
  {id, isOwn}: {readonly id: CellId; readonly isOwn: boolean},
): Moved {
  const received = sumOf(outputs.filter(({to}) => to === id));
  const to = outputs[0] === undefined ? {} : {to: outputs[0].to};
  if (asset === undefined)
    return {...to, ...(isOwn && received === 0n ? {} : {receivedUctz: received.toString()})};
  const units = isOwn || asset.id === (id as string) ? sumOf(outputs) + asset.burn : received;
  return {...to, assetId: asset.id, units: units.toString()};
}

function isCell(target: SplitTarget, id: CellId): boolean {
  return target.kind === "cell" && target.cell === id;
}

function sumOf(parts: readonly {readonly amount: bigint}[]): bigint {
  return parts.reduce((sum, {amount}) => sum + amount, 0n);
}
