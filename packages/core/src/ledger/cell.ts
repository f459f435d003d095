/**
 * Cells: the pieces of state. Accounts and locks have a log, and its owner is their only writer. `in` and `out` are counters that only grow, and what a cell
 * holds is their difference, so "nothing was lost" is a comparison of numbers that never fall.
 */
import type {AccountId, AssetId, CellId, Hash, HoldingId, LockId, OpId} from "../primitives/id.ts";
import type {Lanes} from "./lanes.ts";
import type {AssetKind, LockSpec, SaleSpec, StakeKind} from "./op.ts";

export type StakeAmounts = Readonly<Record<StakeKind, bigint>>;

/** Stake on its way back to the balance: still at risk, no longer counted as stake. */
export type Cooling = {
  readonly stake: StakeKind;
  readonly amount: bigint;
  /** The checkpoint height at which it is spendable again. */
  readonly matureH: bigint;
};

/** A lock that an account answers for with its executor stake (`accept.ts`). */
export type Accept = {
  readonly lockId: LockId;
  /** µCTZ of executor stake that stand behind it. */
  readonly value: bigint;
  /** At this height it ends, whatever became of the lock. */
  readonly untilH: bigint;
};

/**
 * Set when an epoch closed with several ops of the owner at the cell's next slot: perhaps one of them has a
 * certificate that nobody there had seen.
 */
export type Freeze = {
  /** The epoch that closed: certificates of its votes count. */
  readonly epoch: number;
  /** At this height the slot becomes void and the cell goes on above it. */
  readonly untilH: bigint;
};

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
  /** At most `COOLING_MAX`, by height. */
  readonly cooling: readonly Cooling[];
  /** Executor stake that its log has asked back and no checkpoint has moved yet. */
  readonly leaving: bigint;
  /** At most `ACCEPTS_MAX`, by lock. */
  readonly accepts: readonly Accept[];
  readonly frozen: Freeze | undefined;
  /** Height at which its witness was last found guilty of a fork; 0 for never. */
  readonly convictedH: bigint;
  /** Cumulative µCTZ sent towards the chain. */
  readonly withdrawn: bigint;
  /** 0 with no keys: the one key that hashes to the id signs. */
  readonly threshold: number;
  readonly keys: readonly Uint8Array[];
  /** 20 bytes; zeros for none. */
  readonly exitAddress: Uint8Array;
};

export type LockCell = Lanes & {
  readonly kind: "lock";
  readonly id: LockId;
  readonly payer: AccountId;
  readonly openOp: OpId;
  readonly seq: bigint;
  readonly head: OpId;
  readonly in: bigint;
  readonly out: bigint;
  readonly spec: LockSpec;
  /** Where its clock stops: at its expiry, or earlier by notice. */
  readonly endH: bigint;
  /** As in `spec`, or earlier after a notice. */
  readonly expiryH: bigint;
  readonly frozen: Freeze | undefined;
  /** What is owed by both lanes, at most `spec.amount`, before the split rounds its shares down. */
  readonly drawn: bigint;
  readonly isClosed: boolean;
  /** Height of the checkpoint that closed it; 0 while open. */
  readonly closedAt: bigint;
  /** The payer's exit address at `open`: a lock's remainder leaves to it. */
  readonly exitAddress: Uint8Array;
};

/** What was issued once, and for ever. Has no log. */
export type AssetCell = {
  readonly kind: "asset";
  readonly id: AssetId;
  readonly issuer: AccountId;
  readonly asset: AssetKind;
  /** Of what it stands for: a manifest, terms. */
  readonly content: Hash;
  /** Basis points of what is paid for it, up to the epoch before `nextEpoch`; 0 for a right. */
  readonly royaltyBps: number;
  /** The same from `nextEpoch` on: as before until its issuer changes it (`seedRate.ts`). */
  readonly nextBps: number;
  readonly nextEpoch: number;
  /** Units. */
  readonly supply: bigint;
  /** Units that holders burned: only grows. */
  readonly burned: bigint;
};

/**
 * What one account has of one asset. A cell of its own, because anybody may credit any account with any asset:
 * a list in the account's cell would have no bound. Has no log: only ops of the account's log debit it. What its
 * units earn from the pot of their seed is explained in `potShares.ts`.
 */
export type HoldingCell = {
  readonly kind: "holding";
  readonly id: HoldingId;
  readonly account: AccountId;
  readonly asset: AssetId;
  readonly in: bigint;
  readonly out: bigint;
  /** Units in open sale locks of the account: they earn for it until they are handed over. */
  readonly onSale: bigint;
  /** The pot's, when this holding was last settled. */
  readonly perUnit: bigint;
  /** Parts of 2^-64 µCTZ that its units have earned up to `perUnit`: only grows. */
  readonly earned: bigint;
  /** µCTZ of that which it took out: only grows. */
  readonly harvested: bigint;
};

/** What claims paid for a seed, under the asset's id. Has no log. */
export type PotCell = {
  readonly kind: "pot";
  readonly id: AssetId;
  /** µCTZ. */
  readonly in: bigint;
  readonly out: bigint;
  /** Parts of 2^-64 µCTZ that one unit has earned since the beginning: only grows. */
  readonly perUnit: bigint;
  /** Parts of `in` that were shared among the units, or left unshared: only grows. */
  readonly shared: bigint;
};

/** A lock that nobody but the system moves (`sales.ts`). Has no log. */
export type SaleCell = {
  readonly kind: "sale";
  readonly id: LockId;
  /** Who opened it, and gets what it wants. */
  readonly payer: AccountId;
  readonly openOp: OpId;
  readonly spec: SaleSpec;
  /** Of what it gives. */
  readonly in: bigint;
  readonly out: bigint;
  /** Height of the first checkpoint that had it; 0 before. */
  readonly sinceH: bigint;
  /** Its place among those of that checkpoint. */
  readonly rank: Hash;
  /** It waits among those that match none of each other. */
  readonly isPlaced: boolean;
  readonly isClosed: boolean;
  /** Height of the checkpoint that closed it; 0 while open. */
  readonly closedAt: bigint;
  /** The one that it was matched with; zeros for none. */
  readonly partner: LockId;
  /** The payer's at `open`. */
  readonly exitAddress: Uint8Array;
};

/** With a log. */
export type LogCell = AccountCell | LockCell;

export type Cell = LogCell | AssetCell | HoldingCell | SaleCell | PotCell;

export type CellOf<Kind extends Cell["kind"]> = Extract<Cell, {kind: Kind}>;

export type CellName<Kind extends Cell["kind"] = Cell["kind"]> = {readonly kind: Kind; readonly id: CellId};

/** Open accepts of one account. */
export const ACCEPTS_MAX = 64;

/** Unstakes of one account that cool at once; one more has no effect. */
export const COOLING_MAX = 16;

/**
 * Where all money is. The first five are liabilities; conservation says
 * accounts + locks + stake + treasury + pots = deposited + minted − burned − withdrawn.
 */
export type Totals = {
  /** Spendable balances. */
  readonly accounts: bigint;
  readonly locks: bigint;
  /** Cooling stake included. */
  readonly stake: bigint;
  readonly treasury: bigint;
  readonly pots: bigint;
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
  pots: 0n,
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
    cooling: [],
    leaving: 0n,
    accepts: [],
    frozen: undefined,
    convictedH: 0n,
    withdrawn: 0n,
    threshold: 0,
    keys: [],
    exitAddress: ZERO_ADDRESS,
  };
}

/** Spendable: µCTZ, of a holding units of its asset; what is in a lock or a pot. */
export function balanceOf(cell: LogCell | HoldingCell | SaleCell | PotCell): bigint {
  return cell.in - cell.out;
}

/** Everything that is not spendable: staked and cooling. */
export function stakeOf({staked, cooling}: AccountCell): bigint {
  const cold = cooling.reduce((sum, {amount}) => sum + amount, 0n);
  return staked.witness + staked.executor + staked.curate + cold;
}

/** What the network owes the owners of accounts, locks, treasury and pots together. */
export function liabilitiesOf({accounts, locks, stake, treasury, pots}: Totals): bigint {
  return accounts + locks + stake + treasury + pots;
}
