import type {Cooling, Freeze} from "../ledger/cell.ts";
import type {Lanes} from "../ledger/lanes.ts";
import type {LockSpec, Payload} from "../ledger/op.ts";
import type {LedgerParams} from "../ledger/params.ts";
import type {AccountId, CellId, LockId, OpId, PeerId} from "../primitives/id.ts";

/** DESIGN §5. Only `anchored` survives an exit. */
export type Grade = "pending" | "certified" | "checkpointed" | "anchored";

export type AccountView = {
  readonly id: AccountId;
  /** Spendable now, in µCTZ, by certified ops. */
  readonly balance: bigint;
  /** Cooling stake included. */
  readonly staked: bigint;
  readonly cooling: readonly Cooling[];
  readonly frozen: Freeze | undefined;
  /** In the last checkpoint. */
  readonly balanceCheckpointed: bigint;
  readonly seq: bigint;
};

export type LockView = Lanes & {
  readonly id: LockId;
  readonly payer: AccountId;
  readonly spec: LockSpec;
  /** Cumulative µCTZ drawn by certified claims. */
  readonly drawn: bigint;
  readonly isOpen: boolean;
};

export type OpReceipt = {readonly opId: OpId; readonly grade: Grade; readonly height: bigint};

/** What the task pipeline needs of the ledger; the daemon's ledger node supplies it. */
export interface LedgerClient {
  /** This node's own account. */
  readonly account: AccountId;
  /** Height of the last checkpoint, its epoch, and how many witnesses stand behind a grade. */
  head(): {readonly height: bigint; readonly epoch: number; readonly witnesses: number};
  /** µCTZ that an op of this node costs now: enough for witnesses an epoch behind or ahead, too. */
  opFee(): bigint;
  /** In force for the next checkpoint. */
  params(): LedgerParams;
  /** The same for who is an epoch behind or ahead: usually one. */
  paramsAround(): readonly LedgerParams[];
  accountView(id: AccountId): AccountView | undefined;
  lockView(id: LockId): LockView | undefined;
  /** Open locks that the own account pays, and those whose `open` is on its way. A look at every lock: rarely. */
  ownLocks(): readonly LockId[];
  /**
   * Signs the payload as the next op of `cell` (own account, or a lock that it controls), writes it to
   * the outbox, sends the same bytes until certified. Rejects with `FUNDS_INSUFFICIENT`, `OP_REJECTED`
   * or `OP_TIMEOUT` (the op stays in the outbox).
   */
  submit(cell: CellId, payload: Payload): Promise<OpReceipt>;
  /** `peer` has seen something that we may lack: compare with it soon. */
  catchUp(peer: PeerId): void;
  /** Ids of the locks that an `open` op makes, in order. */
  lockIdsOf(opId: OpId, count: number): readonly LockId[];
}
