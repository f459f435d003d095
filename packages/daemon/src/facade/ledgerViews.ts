/** Views of the ledger that more than one door shows. */
import type {OpView, WitnessView} from "@catalyze/api/schema/money";
import type {OpReceipt} from "@catalyze/core/ports/ledger";
import type {Net} from "@catalyze/core/ports/net";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";

export function opView({opId, grade, height}: OpReceipt, ledger: LedgerNode): OpView {
  return {
    ...{opId, grade},
    height: height.toString(),
    witnesses: ledger.head().witnesses,
    feeUctz: ledger.opFee().toString(),
  };
}

type Seen = {readonly ledger: LedgerNode; readonly identity: Identity; readonly net: Net};

/** The committee of the present epoch. */
export function witnessViews({ledger, identity, net}: Seen): WitnessView[] {
  const connected = new Set(net.peers().map(({peer}) => peer));
  return ledger.status().witnesses.map(({peerId, account, weight, entries}) => ({
    ...{peerId, account},
    weight: weight.toString(),
    isSelf: peerId === identity.peer,
    isConnected: peerId === identity.peer || connected.has(peerId),
    entries: entries.toString(),
  }));
}
