import type {HoldingCell} from "@catalyze/core/ledger/cell";
import {emptyHolding} from "@catalyze/core/ledger/potShares";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {HarvestWatch} from "../../src/ledger/harvestWatch.ts";

const [own, other] = ["a", "b"].map((digit) => digit.repeat(64) as AccountId) as [AccountId, AccountId];
const [X, Y] = ["1", "2"].map((digit) => digit.repeat(64) as AssetId) as [AssetId, AssetId];

function watch(cells: readonly HoldingCell[]) {
  const holdings = new Map(cells.map((cell) => [cell.id, cell]));
  const watching = new HarvestWatch(
    () => ({
      holding: (account, asset) => holdings.get(emptyHolding(account, asset).id),
      holdings: () => holdings.values(),
    }),
    (account) => account === own,
  );
  watching.start();
  const harvest = (account: AccountId, asset: AssetId, harvested: bigint) => {
    const cell = emptyHolding(account, asset);
    holdings.set(cell.id, {...cell, harvested});
  };
  return {watching, harvest};
}

describe("HarvestWatch", () => {
  it("tells once what came, when its checkpoint is there, whichever is seen first", () => {
    const {watching, harvest} = watch([]);
    watching.saw(own, {kind: "harvest", asset: X});
    expect(watching.ended()).toEqual([]);
    harvest(own, X, 70n);
    expect(watching.ended()).toEqual([{account: own, amount: 70n}]);
    expect(watching.ended()).toEqual([]);
    harvest(own, Y, 5n);
    watching.saw(own, {kind: "harvest", asset: Y});
    harvest(own, X, 72n);
    expect(watching.ended().map(({amount}) => amount)).toEqual([2n, 5n]);
  });

  it("tells nothing of before a restart, of others, nor of harvests of nothing", () => {
    const {watching, harvest} = watch([{...emptyHolding(own, X), harvested: 9n}]);
    watching.saw(own, {kind: "harvest", asset: X});
    watching.saw(own, {kind: "harvest", asset: Y});
    watching.saw(other, {kind: "harvest", asset: X});
    harvest(other, X, 7n);
    expect(watching.ended()).toEqual([]);
    harvest(own, X, 10n);
    expect(watching.ended()).toEqual([{account: own, amount: 1n}]);
  });
});
