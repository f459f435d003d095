/**
 * Cells: the single-writer pieces of state. `in` and `out` are counters that only grow, and what a cell
 * holds is their difference, so "nothing was lost" is a comparison of numbers that never fall.
 */
import type {AccountId, Hash, LockId, OpId} from "../primitives/id.ts";
import type {LockSpec, StakeKind} from "./op.ts";

export type StakeAmounts = Readonly<Record<StakeKind, bigint>>;

export type AccountCell = {
  readonly kind: "account";
  readonly id: AccountId;
  /** Ops applied. */
  readonly seq: bigint;
  /** The last of them; zeros before the first. */
  readonly head: OpId;
  readonly in: bigint;
  readonly out: bigint;
  readonly staked: StakeAmounts;
  /** Cumulative µCTZ sent towards the chain. */
  readonly withdrawn: bigint;
  /** 0 with no keys: the one key that hashes to the id signs. */
  readonly threshold: number;
  readonly keys: readonly Uint8Array[];
  /** 20 bytes; zeros for none. */
  readonly exitAddress: Uint8Array;
};

export type LockCell = {
  readonly kind: "lock";
  readonly id: LockId;
  readonly payer: AccountId;
  readonly openOp: OpId;
  readonly seq: bigint;
  readonly head: OpId;
  readonly in: bigint;
  readonly out: bigint;
  readonly spec: LockSpec;
  /** Cumulative claim, before the split rounds its shares down; never above `spec.amount`. */
  readonly drawn: bigint;
  readonly isClosed: boolean;
  /** Height of the checkpoint that closed it; 0 while open. */
  readonly closedAt: bigint;
  /** The payer's exit address at `open`: a lock's remainder leaves to it. */
  readonly exitAddress: Uint8Array;
};

export type Cell = AccountCell | LockCell;

/**
 * Where all money is. The first four are liabilities; conservation says
 * accounts + locks + stake + treasury = deposited + minted − burned − withdrawn.
 */
export type Totals = {
  /** Spendable balances. */
  readonly accounts: bigint;
  readonly locks: bigint;
  readonly stake: bigint;
  readonly treasury: bigint;
  readonly burned: bigint;
  readonly withdrawn: bigint;
  /** Emission. */
  readonly minted: bigint;
  /** From the chain; the genesis supply is deposit 0. */
  readonly deposited: bigint;
};

export const ZERO_HASH = "0".repeat(64) as Hash;
export const ZERO_ADDRESS: Uint8Array = new Uint8Array(20);
export const NO_TOTALS: Totals = {
  accounts: 0n,
  locks: 0n,
  stake: 0n,
  treasury: 0n,
  burned: 0n,
  withdrawn: 0n,
  minted: 0n,
  deposited: 0n,
};

/** An account that nobody has credited yet. */
export function emptyAccount(id: AccountId): AccountCell {
  return {
    kind: "account",
    id,
    seq: 0n,
    head: ZERO_HASH as string as OpId,
    in: 0n,
    out: 0n,
    staked: {witness: 0n, executor: 0n, curate: 0n},
    withdrawn: 0n,
    threshold: 0,
    keys: [],
    exitAddress: ZERO_ADDRESS,
  };
}

/** Spendable. */
export function balanceOf(cell: Cell): bigint {
  return cell.in - cell.out;
}

export function stakeOf({staked}: AccountCell): bigint {
  return staked.witness + staked.executor + staked.curate;
}

/** What the network owes the owners of accounts, locks and treasury together. */
export function liabilitiesOf({accounts, locks, stake, treasury}: Totals): bigint {
  return accounts + locks + stake + treasury;
}
