/**
 * Assets (reference/ledger 2.2): `issue` makes one, whole and for ever its issuer's to give; `transfer` moves
 * and burns units. Both debit only their own account's holding and may credit any, as with CTZ. What new
 * holdings cost is in the fee of the op that may make them, whether or not they were there (`feeOf`): who pays
 * must not depend on what came first.
 */

import type {AssetId} from "../primitives/id.ts";
import {assetIdOf} from "./assetIds.ts";
import {balanceOf} from "./cell.ts";
import type {Op, Payload} from "./op.ts";
import type {Posting} from "./postings.ts";
import {royaltyProblem} from "./seedRate.ts";
import type {LedgerState} from "./state.ts";

export type AssetTransfer = Extract<Payload, {kind: "transfer"}>;
export type Issue = Extract<Payload, {kind: "issue"}>;

/** Units that the account gives away and burns; 0 of CTZ. */
export function unitsOf({outputs, asset}: AssetTransfer): bigint {
  return asset === undefined ? 0n : outputs.reduce((sum, {amount}) => sum + amount, asset.burn);
}

const NO_UNITS: ReadonlyMap<AssetId, bigint> = new Map();

/** Units of each asset that an op takes from its own account. */
export function unitsTakenBy(payload: Payload): ReadonlyMap<AssetId, bigint> {
  if (!mayTakeUnits(payload)) return NO_UNITS;
  const taken = new Map<AssetId, bigint>();
  if (payload.kind === "transfer" && payload.asset !== undefined)
    taken.set(payload.asset.id, unitsOf(payload));
  if (payload.kind !== "open") return taken;
  for (const {gives} of payload.sales ?? []) {
    const {asset, amount} = gives;
    if (asset !== undefined) taken.set(asset, (taken.get(asset) ?? 0n) + amount);
  }
  return taken;
}

function mayTakeUnits(payload: Payload): boolean {
  if (payload.kind === "transfer") return payload.asset !== undefined;
  return payload.kind === "open" && payload.sales !== undefined;
}

/** Whether the account has what it moves of an asset. One that nobody issued nobody has. */
export function holdsEnough(state: LedgerState, {cell, payload}: Op["body"]): boolean {
  // Asked of every op several times, and nearly all move CTZ alone.
  if (!mayTakeUnits(payload)) return true;
  return [...unitsTakenBy(payload)].every(([asset, units]) => {
    const holding = state.holding(cell, asset);
    return holding !== undefined && balanceOf(holding) >= units;
  });
}

/** Puts the asset there; its units come with the postings. */
export function putIssued(state: LedgerState, {id, body}: Op, payload: Issue): void {
  const {asset, content, royaltyBps} = payload;
  const rate = {royaltyBps, nextBps: royaltyBps, nextEpoch: 0};
  const about = {asset, content, ...rate, issuer: body.cell};
  state.put({kind: "asset", id: assetIdOf(id), ...about, supply: 0n, burned: 0n});
}

export function issuePostings({id, body}: Op, {supply}: Issue): readonly Posting[] {
  const asset = assetIdOf(id);
  return [
    {bucket: "issued", asset, amount: supply},
    {bucket: "holding", id: body.cell, asset, amount: supply},
  ];
}

export function unitPostings(
  {body: {cell}}: Op,
  {outputs, asset: moved, ...rest}: AssetTransfer,
): readonly Posting[] {
  if (moved === undefined) return [];
  const {id: asset, burn} = moved;
  const units = unitsOf({...rest, outputs, asset: moved});
  const credits = outputs.map(({to, amount}): Posting => ({bucket: "holding", id: to, asset, amount}));
  const burned: readonly Posting[] = burn > 0n ? [{bucket: "unitsBurned", asset, amount: burn}] : [];
  return [{bucket: "holding", id: cell, asset, amount: -units}, ...credits, ...burned];
}

/** What is wrong with an issue whatever the state is. */
export function issueProblem({asset, supply, royaltyBps}: Issue): string | undefined {
  if (supply === 0n) return "supply";
  return royaltyProblem(asset, royaltyBps);
}

export function transferProblem({outputs, asset}: AssetTransfer): string | undefined {
  if (outputs.length === 0 && (asset?.burn ?? 0n) === 0n) return "outputs";
  return outputs.some(({amount}) => amount === 0n) ? "amount" : undefined;
}
