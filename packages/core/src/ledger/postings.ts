/**
 * Double entry: the one function that moves money. A list of postings is applied only when it balances:
 * what enters accounts, locks, stake, pots, treasury, burn and withdrawal equals what is minted or deposited.
 */
import {assert} from "../errors/assert.ts";
import type {AccountId, AssetId, LockId} from "../primitives/id.ts";
import {
  type AccountCell,
  balanceOf,
  type Cooling,
  emptyAccount,
  type HoldingCell,
  type Totals,
} from "./cell.ts";
import type {StakeKind} from "./op.ts";
import {drained, emptyHolding, emptyPot, partsOf, partsOpen, settled} from "./potShares.ts";
import type {LedgerState} from "./state.ts";

type CoolingSlot = Omit<Cooling, "amount">;

export type Posting =
  | {readonly bucket: "account"; readonly id: AccountId; readonly amount: bigint}
  | {readonly bucket: "lock"; readonly id: LockId; readonly amount: bigint}
  | {readonly bucket: "stake"; readonly id: AccountId; readonly stake: StakeKind; readonly amount: bigint}
  | {
      readonly bucket: "cooling";
      readonly id: AccountId;
      readonly cooling: CoolingSlot;
      readonly amount: bigint;
    }
  /** Units of an asset. */
  | {
      readonly bucket: "holding";
      readonly id: AccountId;
      readonly asset: AssetId;
      readonly amount: bigint;
    }
  | {readonly bucket: "sale"; readonly id: LockId; readonly amount: bigint}
  /** Into the pot of a seed, or out of what is not shared there. */
  | {readonly bucket: "pot"; readonly seed: AssetId; readonly amount: bigint}
  /** Out of the pot of a seed, of what this account's holding earned. */
  | {readonly bucket: "harvest"; readonly id: AccountId; readonly seed: AssetId; readonly amount: bigint}
  | {readonly bucket: "saleUnits"; readonly id: LockId; readonly asset: AssetId; readonly amount: bigint}
  | {readonly bucket: "issued" | "unitsBurned"; readonly asset: AssetId; readonly amount: bigint}
  | {readonly bucket: "treasury" | "burned" | "withdrawn" | "minted" | "deposited"; readonly amount: bigint};

const TOTAL_OF = {
  account: "accounts",
  lock: "locks",
  sale: "locks",
  stake: "stake",
  cooling: "stake",
  pot: "pots",
  harvest: "pots",
  treasury: "treasury",
  burned: "burned",
  withdrawn: "withdrawn",
  minted: "minted",
  deposited: "deposited",
} as const satisfies Partial<Record<Posting["bucket"], keyof Totals>>;

/** What an op changes in the account in whose log it stands, besides its money. */
export type LogStep = Pick<AccountCell, "id" | "seq" | "head">;

/** Throws `InvariantError`, before anything changed, when the list does not balance. `step` goes with what its account pays. */
export function post(state: LedgerState, postings: readonly Posting[], step?: LogStep): void {
  assertBalanced(postings);
  const totals: Record<keyof Totals, bigint> = {...state.totals};
  for (const posting of postings) {
    if (!("asset" in posting)) {
      const name = TOTAL_OF[posting.bucket];
      totals[name] += posting.amount;
      assert(totals[name] >= 0n, `negative total ${name}`);
    }
    move(state, posting, step);
  }
  state.putTotals(totals);
}

/** Each asset for itself. */
function assertBalanced(postings: readonly Posting[]): void {
  let ctz = 0n;
  // Nearly every list moves CTZ alone.
  let units: Map<AssetId, bigint> | undefined;
  for (const posting of postings) {
    const amount = isSource(posting) ? -posting.amount : posting.amount;
    if ("asset" in posting) {
      units ??= new Map();
      units.set(posting.asset, (units.get(posting.asset) ?? 0n) + amount);
    } else ctz += amount;
  }
  assert(ctz === 0n, "postings do not sum to zero");
  for (const sum of units?.values() ?? []) assert(sum === 0n, "postings do not sum to zero");
}

function isSource({bucket}: Posting): boolean {
  return bucket === "minted" || bucket === "deposited" || bucket === "issued";
}

function move(state: LedgerState, posting: Posting, step: LogStep | undefined): void {
  const {bucket, amount} = posting;
  switch (bucket) {
    case "account": {
      const account = state.account(posting.id) ?? emptyAccount(posting.id);
      state.put(step?.id === posting.id ? stepped(account, amount, step) : counted(account, amount));
      break;
    }
    case "lock": {
      const lock = state.lock(posting.id);
      assert(lock !== undefined, "posting to an unknown lock");
      state.put(counted(lock, amount));
      break;
    }
    case "stake": {
      const account = state.account(posting.id);
      assert(account !== undefined, "stake of an unknown account");
      state.put(staked(account, posting.stake, amount));
      break;
    }
    case "cooling": {
      const account = state.account(posting.id);
      assert(account !== undefined, "stake of an unknown account");
      const cooling = cooled(account.cooling, posting.cooling, amount);
      state.put({...account, cooling});
      break;
    }
    case "holding": {
      state.put(counted(settledHolding(state, posting.id, posting.asset), amount));
      break;
    }
    case "sale":
    case "saleUnits": {
      const sale = state.sale(posting.id);
      const asset = bucket === "sale" ? undefined : posting.asset;
      assert(sale !== undefined && sale.spec.gives.asset === asset, "posting to another sale lock");
      state.put(counted(sale, amount));
      if (asset !== undefined) state.put(offered(settledHolding(state, sale.payer, asset), amount));
      break;
    }
    case "issued":
    case "unitsBurned": {
      assert(amount >= 0n, `${bucket} only grows`);
      const asset = state.asset(posting.asset);
      assert(asset !== undefined, "posting to an unknown asset");
      const counter = bucket === "issued" ? "supply" : "burned";
      state.put({...asset, [counter]: asset[counter] + amount});
      break;
    }
    case "pot":
    case "harvest":
      movePot(state, posting);
      break;
    case "treasury":
      break;
    default:
      assert(amount >= 0n, `${bucket} only grows`);
  }
}

function movePot(state: LedgerState, posting: Extract<Posting, {bucket: "pot" | "harvest"}>): void {
  const {seed, amount} = posting;
  const pot = state.pot(seed) ?? emptyPot(seed);
  if (posting.bucket === "harvest") {
    const holding = settledHolding(state, posting.id, seed);
    const harvested = holding.harvested - amount;
    assert(amount <= 0n && partsOf(harvested) <= holding.earned, "a harvest takes what was earned");
    state.put({...holding, harvested});
  }
  const moved = posting.bucket === "pot" && amount < 0n ? drained(pot, -amount) : counted(pot, amount);
  assert(moved.in >= moved.out && partsOpen(moved) >= 0n, "a pot would go negative");
  state.put(moved);
}

/** What an account has of an asset, with all that it has earned so far. */
function settledHolding(state: LedgerState, account: AccountId, asset: AssetId): HoldingCell {
  return settled(state.holding(account, asset) ?? emptyHolding(account, asset), state.pot(asset));
}

function offered(holding: HoldingCell, units: bigint): HoldingCell {
  const onSale = holding.onSale + units;
  assert(onSale >= 0n, "more units come back than were on sale");
  return {...holding, onSale};
}

function counted<Counted extends {readonly in: bigint; readonly out: bigint}>(
  cell: Counted,
  amount: bigint,
): Counted {
  const next = amount >= 0n ? {...cell, in: cell.in + amount} : {...cell, out: cell.out - amount};
  assert(next.in >= next.out, "a cell would go negative");
  return next;
}

/** One new cell for both. */
function stepped(account: AccountCell, amount: bigint, {seq, head}: LogStep): AccountCell {
  const next =
    amount >= 0n
      ? {...account, seq, head, in: account.in + amount}
      : {...account, seq, head, out: account.out - amount};
  assert(next.in >= next.out, "a cell would go negative");
  return next;
}

/** Entries of one kind and height are one entry. */
function cooled(list: readonly Cooling[], {stake, matureH}: CoolingSlot, amount: bigint): readonly Cooling[] {
  const isSame = (each: Cooling) => each.stake === stake && each.matureH === matureH;
  const known = list.find(isSame);
  assert((known?.amount ?? 0n) + amount >= 0n, "cooling stake would go negative");
  const others = list.filter((each) => !isSame(each));
  const next = {stake, matureH, amount: (known?.amount ?? 0n) + amount};
  return next.amount === 0n ? others : [...others, next].sort(byMaturity);
}

function byMaturity(left: Cooling, right: Cooling): number {
  if (left.matureH !== right.matureH) return left.matureH < right.matureH ? -1 : 1;
  return left.stake < right.stake ? -1 : 1;
}

function staked(account: AccountCell, kind: StakeKind, amount: bigint): AccountCell {
  const next = account.staked[kind] + amount;
  assert(next >= 0n && balanceOf(account) >= 0n, "stake would go negative");
  return {...account, staked: {...account.staked, [kind]: next}};
}
