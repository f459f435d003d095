/**
 * What a seed's pot owes to whom (reference/ledger 1). µCTZ that claims pay in are shared among all units of the
 * seed when an epoch ends: `perUnit` rises by what is in, divided by the units there are. Each holding remembers
 * the `perUnit` up to which it was settled, so sharing costs the same however many hold, and a holding that
 * nobody touches earns all the same.
 *
 * Everything is counted in parts of 2^-64 µCTZ. Units are below 2^64, so what a division leaves is less than one
 * µCTZ and stays in for the next epoch; what holdings are owed is exactly what was shared and not paid out. All
 * counters are bounded by what ever came in, times 2^64: each claim brings less than 2^64 µCTZ, and there are
 * fewer than 2^64 claims, so u128 holds `in` and u192 the others.
 */
import type {AccountId, AssetId} from "../primitives/id.ts";
import {holdingIdOf} from "./assetIds.ts";
import {balanceOf, type HoldingCell, type PotCell} from "./cell.ts";

const PART_BITS = 64n;

/** Nobody has paid anything into it. */
export function emptyPot(id: AssetId): PotCell {
  return {kind: "pot", id, in: 0n, out: 0n, perUnit: 0n, shared: 0n};
}

export function emptyHolding(account: AccountId, asset: AssetId): HoldingCell {
  const counters = {in: 0n, out: 0n, onSale: 0n, perUnit: 0n, earned: 0n, harvested: 0n};
  return {kind: "holding", account, asset, id: holdingIdOf(account, asset), ...counters};
}

/** As it is once all is counted that its units have earned so far. Before its units change, call this. */
export function settled(holding: HoldingCell, pot: Pick<PotCell, "perUnit"> | undefined): HoldingCell {
  const perUnit = pot?.perUnit ?? 0n;
  if (perUnit === holding.perUnit) return holding;
  const units = balanceOf(holding) + holding.onSale;
  return {...holding, perUnit, earned: holding.earned + units * (perUnit - holding.perUnit)};
}

/** Whole µCTZ that a holding may harvest. */
export function harvestable(holding: HoldingCell, pot: Pick<PotCell, "perUnit"> | undefined): bigint {
  return (settled(holding, pot).earned >> PART_BITS) - holding.harvested;
}

/** Parts that a holding has earned and not harvested. */
export function partsOwed(holding: HoldingCell, pot: Pick<PotCell, "perUnit"> | undefined): bigint {
  return settled(holding, pot).earned - partsOf(holding.harvested);
}

/** Parts that came in and are not shared yet. */
export function partsOpen({in: credited, shared}: Pick<PotCell, "in" | "shared">): bigint {
  return partsOf(credited) - shared;
}

/** Whole µCTZ that came in and are not shared yet. */
export function openIn(pot: Pick<PotCell, "in" | "shared">): bigint {
  return partsOpen(pot) >> PART_BITS;
}

/** What is open, shared among so many units. */
export function sharedAmong(pot: PotCell, units: bigint): PotCell {
  const each = partsOpen(pot) / units;
  return {...pot, perUnit: pot.perUnit + each, shared: pot.shared + each * units};
}

/** Open µCTZ leave it unshared. */
export function drained(pot: PotCell, amount: bigint): PotCell {
  return {...pot, out: pot.out + amount, shared: pot.shared + partsOf(amount)};
}

export function partsOf(amount: bigint): bigint {
  return amount << PART_BITS;
}
