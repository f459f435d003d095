/**
 * What a checkpoint moves with no op of the account that says so: for whoever explains balances. The rules
 * never read it.
 */
import type {AccountId, LockId, OpId} from "../primitives/id.ts";
import type {Lot} from "./op.ts";

export type SystemMove =
  /** A lock expired and was settled; `fee`: µCTZ burned of the payee's part, for claims that it settled. */
  | {readonly kind: "expiry"; readonly lockId: LockId; readonly fee: bigint}
  /**
   * What a sale lock brings `to` who opened it, `from` who opened the one that it was matched with; or it came back,
   * `from` nobody.
   */
  | {
      readonly kind: "sale";
      readonly lockId: LockId;
      readonly openOp: OpId;
      readonly to: AccountId;
      readonly lot: Lot;
      readonly from: AccountId | undefined;
    }
  /**
   * µCTZ of one account. `matured`: cooled stake is balance again. `fine`: burned for a slot that its owner
   * signed twice. `payment`: from the treasury. `slash` and `forfeit`: stake burned, for a fork and with the
   * deposit of a proposal.
   */
  | {
      readonly kind: "matured" | "fine" | "payment" | "slash" | "forfeit";
      readonly account: AccountId;
      readonly amount: bigint;
    };

export type Tell = (move: SystemMove) => void;
