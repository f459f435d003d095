/**
 * The full recount (reference/ledger 7): every cell is summed again and compared with the totals and the
 * tree, which `apply` keeps up to date one posting at a time. For `ctz ledger verify` and for witnesses.
 */
import type {AssetId, HoldingId} from "../primitives/id.ts";
import {acceptedOf} from "./accept.ts";
import {holdingIdOf} from "./assetIds.ts";
import {
  type AccountCell,
  balanceOf,
  type LockCell,
  liabilitiesOf,
  type SaleCell,
  stakeOf,
  type Totals,
} from "./cell.ts";
import {leftBy} from "./claims.ts";
import {owedOf} from "./lanes.ts";
import {partsOf, partsOpen, partsOwed} from "./potShares.ts";
import type {LedgerState} from "./state.ts";

export type Violation = {readonly invariant: "I1" | "I2" | "I4" | "I9"; readonly detail: string};

/** Nothing when the state is sound. Costs every cell; the list is cut at `violationsMax`. */
export function checkInvariants(state: LedgerState, violationsMax = 100): readonly Violation[] {
  const found: Violation[] = [];
  const sums = {accounts: 0n, locks: 0n, stake: 0n, pots: 0n, withdrawn: 0n};
  for (const account of state.accounts()) {
    found.push(...accountViolations(account));
    sums.accounts += balanceOf(account);
    sums.stake += stakeOf(account);
    sums.withdrawn += account.withdrawn;
  }
  for (const lock of state.locks()) {
    found.push(...lockViolations(lock));
    sums.locks += balanceOf(lock);
  }
  for (const sale of state.sales()) {
    found.push(...saleViolations(state, sale));
    if (sale.spec.gives.asset === undefined) sums.locks += balanceOf(sale);
  }
  for (const pot of state.pots()) sums.pots += balanceOf(pot);
  found.push(...potViolations(state), ...offerViolations(state));
  found.push(...assetViolations(state), ...totalViolations(state.totals, sums));
  const {totals} = state;
  const addressed = state.withdrawals().reduce((sum, {cumulative}) => sum + cumulative, 0n);
  if (addressed !== totals.withdrawn)
    found.push({invariant: "I1", detail: "withdrawals by address differ from the total"});
  if (state.tree().sum() !== liabilitiesOf(totals))
    found.push({invariant: "I1", detail: "the tree's sum differs from liabilities"});
  return found.slice(0, violationsMax);
}

/** It holds all or nothing, and does not wait beside one that it fits. */
function saleViolations(state: LedgerState, sale: SaleCell): readonly Violation[] {
  const {id, spec, isClosed, isPlaced} = sale;
  const found: Violation[] = [];
  if (sale.in !== spec.gives.amount || sale.out !== (isClosed ? sale.in : 0n))
    found.push({invariant: "I4", detail: `sale lock ${id} holds another amount than it was given`});
  if (isPlaced && !isClosed && state.saleBook.matchFor(sale) !== undefined)
    found.push({invariant: "I4", detail: `sale lock ${id} waits beside its match`});
  return found;
}

/** What was shared of a pot and not taken out is what holdings are owed, to the last part. */
function potViolations(state: LedgerState): readonly Violation[] {
  const found: Violation[] = [];
  const owed = new Map<AssetId, bigint>();
  for (const holding of state.holdings()) {
    const {id, asset} = holding;
    const parts = partsOwed(holding, state.pot(asset));
    if (parts < 0n) found.push({invariant: "I2", detail: `holding ${id} took more than it earned`});
    owed.set(asset, (owed.get(asset) ?? 0n) + parts);
  }
  for (const pot of state.pots()) {
    const {id, out, shared} = pot;
    if (partsOpen(pot) < 0n) found.push({invariant: "I2", detail: `pot ${id} shared more than came in`});
    owed.set(id, (owed.get(id) ?? 0n) - (shared - partsOf(out)));
  }
  for (const [id, parts] of owed)
    if (parts !== 0n)
      found.push({invariant: "I1", detail: `pot ${id} owes another amount than its holders earned`});
  return found;
}

/** Units in sale locks earn for the holding that gave them. */
function offerViolations(state: LedgerState): readonly Violation[] {
  const offered = new Map<HoldingId, bigint>();
  for (const {id, onSale} of state.holdings()) offered.set(id, onSale);
  for (const {payer, spec, ...sale} of state.sales()) {
    if (spec.gives.asset === undefined) continue;
    const id = holdingIdOf(payer, spec.gives.asset);
    offered.set(id, (offered.get(id) ?? 0n) - (sale.in - sale.out));
  }
  return [...offered].flatMap(([id, units]): readonly Violation[] =>
    units === 0n ? [] : [{invariant: "I9", detail: `holding ${id} has other units on sale`}],
  );
}

/** What of each asset is anywhere is what was issued and not burned. */
function assetViolations(state: LedgerState): readonly Violation[] {
  const found: Violation[] = [];
  const units = new Map<AssetId, bigint>();
  for (const holding of state.holdings()) {
    const {id, asset} = holding;
    const held = balanceOf(holding);
    if (held < 0n) found.push({invariant: "I2", detail: `holding ${id} is negative`});
    units.set(asset, (units.get(asset) ?? 0n) + held);
  }
  for (const sale of state.sales()) {
    const {asset} = sale.spec.gives;
    if (asset !== undefined) units.set(asset, (units.get(asset) ?? 0n) + balanceOf(sale));
  }
  for (const {id, supply, burned} of state.assets()) {
    if (units.get(id) !== supply - burned)
      found.push({invariant: "I9", detail: `asset ${id} has another number of units than were issued`});
    units.delete(id);
  }
  for (const id of units.keys()) found.push({invariant: "I9", detail: `asset ${id} was never issued`});
  return found;
}

/** accounts + locks + stake + treasury + pots = deposited + minted − burned − withdrawn. */
export function isConserved(totals: Totals): boolean {
  return liabilitiesOf(totals) === totals.deposited + totals.minted - totals.burned - totals.withdrawn;
}

function totalViolations(
  totals: Totals,
  sums: Pick<Totals, "accounts" | "locks" | "stake" | "pots" | "withdrawn">,
): readonly Violation[] {
  const found: Violation[] = [];
  if (!isConserved(totals)) found.push({invariant: "I1", detail: "money was made or lost"});
  for (const field of ["accounts", "locks", "stake", "pots", "withdrawn"] as const) {
    if (sums[field] !== totals[field])
      found.push({invariant: "I1", detail: `cells sum to another ${field} than the totals`});
  }
  for (const [field, value] of Object.entries(totals)) {
    if (value < 0n) found.push({invariant: "I2", detail: `negative ${field}`});
  }
  return found;
}

function accountViolations(account: AccountCell): readonly Violation[] {
  const {id, staked, leaving} = account;
  const found: Violation[] = [];
  const counters = [balanceOf(account), leaving, ...Object.values(staked)];
  if (counters.some((amount) => amount < 0n))
    found.push({invariant: "I2", detail: `account ${id} is negative`});
  if (acceptedOf(account) > staked.executor)
    found.push({invariant: "I2", detail: `account ${id} accepted more than its stake`});
  return found;
}

/** A lock holds its amount less what its split paid at `drawn`, or nothing once closed; it never pays more. */
function lockViolations(lock: LockCell): readonly Violation[] {
  const {spec, drawn, isClosed, id} = lock;
  const owed = owedOf(lock);
  const found: Violation[] = [];
  if (lock.in !== spec.amount) found.push({invariant: "I4", detail: `lock ${id} was not funded once`});
  if (drawn > spec.amount) found.push({invariant: "I4", detail: `lock ${id} paid more than its amount`});
  if (!isClosed && drawn !== (owed < spec.amount ? owed : spec.amount))
    found.push({invariant: "I4", detail: `lock ${id} paid another amount than its lanes owe`});
  const expected = isClosed ? 0n : spec.amount - leftBy(spec, drawn);
  if (balanceOf(lock) !== expected)
    found.push({invariant: "I2", detail: `lock ${id} holds another amount than its claims leave`});
  return found;
}
