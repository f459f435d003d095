/**
 * Pots: claims pay a share of what they draw into the pot of a seed, an epoch's end shares it among who holds
 * the seed's units then, and `harvest` takes out what the account's own holding has earned. A claim only credits
 * a pot, whether or not anybody issued the asset: nothing that waits for an issue can then block a log, and the
 * order of claims and issues makes no difference. What came in for no seed, or for one whose units are all
 * burned, goes to the treasury at the epoch's end.
 */
import type {AccountId, AssetId} from "../primitives/id.ts";
import type {Work} from "../primitives/work.ts";
import type {Payload} from "./op.ts";
import {type Posting, post} from "./postings.ts";
import {harvestable, openIn, sharedAmong} from "./potShares.ts";
import type {LedgerState} from "./state.ts";

/** A cell or two are made anew: about as much as two payments. */
const UNITS_PER_POT = 2;

/** µCTZ that a `harvest` of this account brings now; 0 for any other op. Within an epoch only that lowers it. */
export function harvestOf(state: LedgerState, account: AccountId, payload: Payload): bigint {
  if (payload.kind !== "harvest") return 0n;
  const holding = state.holding(account, payload.asset);
  return holding === undefined ? 0n : harvestable(holding, state.pot(payload.asset));
}

/** Credits first: what it brings may pay its fee. */
export function harvestPostings(id: AccountId, asset: AssetId, amount: bigint): readonly Posting[] {
  if (amount === 0n) return [];
  return [
    {bucket: "account", id, amount},
    {bucket: "harvest", id, seed: asset, amount: -amount},
  ];
}

/** At an epoch's end. Costs only the pots into which something came. */
export function* sharePots(state: LedgerState): Work<void> {
  for (const id of state.openPots()) {
    sharePot(state, id);
    yield UNITS_PER_POT;
  }
}

function sharePot(state: LedgerState, id: AssetId): void {
  const [pot, asset] = [state.pot(id), state.asset(id)];
  if (pot === undefined) return;
  const isSeed = asset?.asset === "seed";
  const units = isSeed ? asset.supply - asset.burned : 0n;
  if (units > 0n) {
    state.put(sharedAmong(pot, units));
    return;
  }
  const amount = openIn(pot);
  post(state, [
    {bucket: "pot", seed: id, amount: -amount},
    {bucket: "treasury", amount},
  ]);
  // Nobody holds what would ever earn from it. Holders of a seed may have something left to harvest.
  if (!isSeed) state.remove({kind: "pot", id});
}
