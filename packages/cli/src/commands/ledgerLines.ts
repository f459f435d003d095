import type {OpView, WitnessView} from "@catalyze/api/schema/money";
import {ctz, witnesses, yesNo} from "../output/format.ts";
import {type pairs, table} from "../output/table.ts";

/** An op of ours that the ledger took. */
export function opLine({opId, grade, witnesses: count, feeUctz}: OpView): string {
  return `op ${opId}, ${grade} by ${witnesses(count)}, fee ${ctz(feeUctz)}\n`;
}

/** The committee of the present epoch. */
export function witnessTable(list: readonly WitnessView[], paint: Parameters<typeof pairs>[1]): string {
  return table<WitnessView>(
    list,
    [
      {head: "WITNESS", cell: ({peerId, isSelf}) => (isSelf ? "this node" : (peerId ?? "-"))},
      {head: "WEIGHT", cell: ({weight}) => weight, align: "right"},
      {head: "CONNECTED", cell: ({isConnected, isSelf}) => (isSelf ? "-" : yesNo(isConnected))},
      {head: "LAST ENTRY", cell: ({lastEntry}) => lastEntry ?? "-", align: "right"},
      {head: "FORKED", cell: ({isForked}) => yesNo(isForked)},
    ],
    {paint, none: "No witnesses."},
  );
}
