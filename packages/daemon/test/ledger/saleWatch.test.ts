import type {SaleCell} from "@catalyze/core/ledger/cell";
import type {AccountId, AssetId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {SaleWatch} from "../../src/ledger/saleWatch.ts";

const [own, other] = ["a", "b"].map((digit) => digit.repeat(64) as AccountId) as [AccountId, AccountId];
const X = "1".repeat(64) as AssetId;
const NONE = "0".repeat(64);

function sale(id: string, payer: AccountId, givesMoney: boolean): SaleCell {
  const [money, units] = [
    {asset: undefined, amount: 70n},
    {asset: X, amount: 3n},
  ];
  const [gives, wants] = givesMoney ? [money, units] : [units, money];
  return {
    ...{kind: "sale", id: id.repeat(64) as LockId, payer, openOp: NONE as OpId, in: 1n, out: 0n, sinceH: 1n},
    ...{spec: {gives, wants, only: undefined, expiryH: 9n, refundTo: payer}, rank: NONE as Hash},
    ...{
      isPlaced: true,
      isClosed: false,
      closedAt: 0n,
      partner: NONE as LockId,
      exitAddress: new Uint8Array(20),
    },
  };
}

function watch(cells: readonly SaleCell[]) {
  const sales = new Map(cells.map((cell) => [cell.id, cell]));
  const components = {sale: (id: LockId) => sales.get(id), sales: () => sales.values()};
  const watching = new SaleWatch(components, (account) => account === own);
  watching.start();
  const close = (cell: SaleCell, partner = NONE as LockId) =>
    sales.set(cell.id, {...cell, isClosed: true, partner});
  return {watching, close};
}

describe("SaleWatch", () => {
  it("tells once what a match brings to who gave units, and that it brings no money to who paid", () => {
    const [ask, bid] = [sale("2", own, false), sale("3", other, true)];
    const {watching, close} = watch([ask, bid]);
    expect(watching.ended()).toEqual([]);
    close(ask, bid.id);
    close(bid, ask.id);
    expect(watching.ended()).toEqual([
      {
        ...{id: ask.id, openOp: NONE, payer: own, counterparty: other},
        postings: [{bucket: "account", id: own, amount: 70n}],
      },
    ]);
    expect(watching.ended()).toEqual([]);
  });

  it("tells of money that goes back, and of none where units do", () => {
    const [ask, bid] = [sale("2", own, false), sale("3", own, true)];
    const {watching, close} = watch([ask, bid]);
    close(ask);
    close(bid);
    expect(watching.ended().map(({postings}) => postings)).toEqual([
      [],
      [{bucket: "account", id: own, amount: 70n}],
    ]);
  });
});
