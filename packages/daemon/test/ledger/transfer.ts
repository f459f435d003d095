import type {Payload} from "@catalyze/core/ledger/op";
import type {AccountId, Hash} from "@catalyze/core/primitives/id";

export function transfer(to: AccountId, amount: bigint): Payload {
  return {kind: "transfer", outputs: [{to, amount}], memo: "0".repeat(64) as Hash};
}
