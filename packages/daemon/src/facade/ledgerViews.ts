/** Views of the ledger that more than one door shows. */
import type {OpView, WitnessView} from "@catalyze/api/schema/money";
import type {CellName} from "@catalyze/core/ledger/cell";
import {entryName} from "@catalyze/core/ledger/entryNumber";
import type {OpReceipt} from "@catalyze/core/ports/ledger";
import type {Net} from "@catalyze/core/ports/net";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";

/** `fee`: what the op paid, where that is more than the fee of one. */
export function opView(
  {opId, grade, height}: OpReceipt,
  ledger: LedgerNode,
  fee: bigint = ledger.opFee(),
): OpView {
  return {
    ...{opId, grade},
    height: height.toString(),
    witnesses: ledger.head().witnesses,
    feeUctz: fee.toString(),
  };
}

/** `certified` for a cell that has changed since the last checkpoint. */
export function gradeOf(ledger: LedgerNode, name: CellName): "certified" | "checkpointed" {
  const isSame = ledger.certifiedState().cell(name) === ledger.checkpointedState().cell(name);
  return isSame ? "checkpointed" : "certified";
}

/** About when a height comes: they come no faster than this. */
export function timeAt(ledger: LedgerNode, height: bigint): number {
  const {height: now, timeMs} = ledger.checkpoint();
  return Math.max(0, timeMs + Number(height - now) * ledger.params().checkpointIntervalMs);
}

/** About when the last checkpoint of an epoch comes. */
export function epochEndMs(ledger: LedgerNode, epoch: number): number {
  return timeAt(ledger, BigInt(epoch) * BigInt(ledger.params().checkpointsPerEpoch));
}

/** The height that stands at the end of this time from now on. */
export function heightIn(ledger: LedgerNode, ms: number): bigint {
  return ledger.head().height + BigInt(Math.max(1, Math.ceil(ms / ledger.params().checkpointIntervalMs)));
}

type Seen = {readonly ledger: LedgerNode; readonly identity: Identity; readonly net: Net};

/** The committee of the present epoch. */
export function witnessViews({ledger, identity, net}: Seen): WitnessView[] {
  const connected = new Set(net.peers().map(({peer}) => peer));
  return ledger.status().witnesses.map(({peerId, account, weight, lastEntry, isForked}) => ({
    ...{peerId, account},
    weight: weight.toString(),
    isSelf: peerId === identity.peer,
    isConnected: peerId === identity.peer || connected.has(peerId),
    ...(lastEntry === undefined ? {} : {lastEntry: entryName(lastEntry)}),
    isForked,
  }));
}
