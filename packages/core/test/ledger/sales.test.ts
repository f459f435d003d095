import {sha256} from "@catalyze/core/crypto/sha256";
import {apply, enabled} from "@catalyze/core/ledger/apply";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {balanceOf, type SaleCell} from "@catalyze/core/ledger/cell";
import {type Checkpoint, checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Op, SaleSpec} from "@catalyze/core/ledger/op";
import {feeOf, opFormProblem} from "@catalyze/core/ledger/opChecks";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {SaleBook} from "@catalyze/core/ledger/saleBook";
import {SALES_PLACED_MAX} from "@catalyze/core/ledger/sales";
import {LedgerState} from "@catalyze/core/ledger/state";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {expectExplained} from "./explained.ts";
import {
  alice,
  bob,
  bodyAt,
  carol,
  cutWith,
  issue,
  lockSpec,
  nextOp,
  type Person,
  testGenesis,
} from "./kit.ts";

const ADDRESS = new Uint8Array(20);
const NONE = "0".repeat(64);

/** One checkpoint after the other; ops are certified in the one that they are given to. */
class World {
  state = genesisState(testGenesis);
  checkpoint: Checkpoint = genesisCheckpoint(testGenesis, this.state);
  readonly asset: AssetId;

  constructor() {
    const issued = nextOp(this.state, alice.account, issue, 300n);
    this.asset = assetIdOf(issued.id);
    this.step([issued]);
  }

  step(ops: readonly Op[] = []): void {
    const parent = this.checkpoint;
    const step = checkpointStep({...cutWith(ops), base: this.state, parent});
    const {state, checkpoint, fold} = step;
    expectExplained(this.state, step);
    expect(fold.blocked).toEqual([]);
    expect(checkInvariants(state)).toEqual([]);
    this.checkpoint = checkpoint;
    this.state = state.commit();
  }

  /** The op, and the ids of its sale locks. */
  open(who: Person, sales: readonly SaleSpec[]): {op: Op; ids: LockId[]} {
    const op = nextOp(this.state, who.account, {kind: "open", locks: [], sales}, 5_000n);
    return {op, ids: sales.map((_, index) => lockIdOf(op.id, index))};
  }

  ask(units: bigint, money: bigint, change: Partial<SaleSpec> = {}): SaleSpec {
    const [gives, wants] = [
      {asset: this.asset, amount: units},
      {asset: undefined, amount: money},
    ];
    return {gives, wants, only: undefined, expiryH: 40n, refundTo: alice.account, ...change};
  }

  bid(money: bigint, units: bigint, change: Partial<SaleSpec> = {}): SaleSpec {
    const [gives, wants] = [
      {asset: undefined, amount: money},
      {asset: this.asset, amount: units},
    ];
    return {gives, wants, only: undefined, expiryH: 40n, refundTo: bob.account, ...change};
  }

  units({account}: Person): bigint {
    const holding = this.state.holding(account, this.asset);
    return holding === undefined ? 0n : balanceOf(holding);
  }

  money({account}: Person): bigint {
    return balanceOf(this.state.account(account)!);
  }

  partner(id: LockId | undefined): LockId | undefined {
    const sale = this.state.sale(id!);
    return sale?.isClosed === true ? sale.partner : undefined;
  }
}

describe("sale locks", () => {
  it("that fit hand each other all, at the checkpoint that has both", () => {
    const world = new World();
    const [had, paid] = [world.money(alice), world.money(bob)];
    const ask = world.open(alice, [world.ask(30n, 900n)]);
    world.step([ask.op]);
    expect(world.units(alice)).toBe(970n);
    expect(world.partner(ask.ids[0])).toBeUndefined();
    const bid = world.open(bob, [world.bid(950n, 29n)]);
    world.step([bid.op]);
    expect([world.units(alice), world.units(bob)]).toEqual([970n, 30n]);
    expect([world.money(alice), world.money(bob)]).toEqual([had + 950n - 5_000n, paid - 950n - 5_000n]);
    expect(world.partner(ask.ids[0])).toBe(bid.ids[0]);
    expect(world.partner(bid.ids[0])).toBe(ask.ids[0]);
  });

  it.each<[string, (world: World) => Partial<SaleSpec>]>([
    [
      "for a µCTZ too little",
      (world) => ({gives: {asset: undefined, amount: 899n}, wants: world.bid(1n, 30n).wants}),
    ],
    ["for a unit too many", (world) => ({wants: {asset: world.asset, amount: 31n}})],
    ["for another asset", () => ({wants: {asset: "7".repeat(64) as AssetId, amount: 1n}})],
    ["with somebody else", () => ({only: carol.account})],
  ])("match none %s", (_, change) => {
    const world = new World();
    const ask = world.open(alice, [world.ask(30n, 900n)]);
    const bid = world.open(bob, [world.bid(900n, 30n, change(world))]);
    world.step([ask.op, bid.op]);
    expect([ask.ids[0], bid.ids[0]].map((id) => world.partner(id))).toEqual([undefined, undefined]);
    // Neither side's terms keep a third one out.
    const third = world.open(carol, [world.bid(900n, 30n)]);
    world.step([third.op]);
    expect(world.partner(ask.ids[0])).toBe(third.ids[0]);
  });

  it("match whom they name, whichever came first", () => {
    for (const isAskFirst of [true, false]) {
      const world = new World();
      const ask = world.open(alice, [world.ask(5n, 10n, {only: bob.account})]);
      const others = world.open(carol, [world.bid(1_000n, 1n)]);
      const bid = world.open(bob, [world.bid(10n, 5n, {only: alice.account})]);
      for (const op of isAskFirst ? [ask.op, others.op, bid.op] : [others.op, bid.op, ask.op])
        world.step([op]);
      expect(world.partner(ask.ids[0])).toBe(bid.ids[0]);
      expect(world.partner(others.ids[0])).toBeUndefined();
    }
  });

  it("take the best offer, of equal ones the oldest", () => {
    const world = new World();
    const bids = [800n, 950n, 950n, 900n].map((money, index) => ({
      money,
      who: index % 2 === 0 ? bob : carol,
    }));
    const ids: LockId[] = [];
    for (const {money, who} of bids) {
      const bid = world.open(who, [world.bid(money, 10n)]);
      ids.push(bid.ids[0]!);
      world.step([bid.op]);
    }
    const taken: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const ask = world.open(alice, [world.ask(10n, 800n)]);
      world.step([ask.op]);
      taken.push(ids.indexOf(world.partner(ask.ids[0])!));
    }
    expect(taken).toEqual([1, 2, 3, 0]);
  });

  it("of one checkpoint stand in an order that its parent decides", () => {
    const world = new World();
    const asks = 2;
    const bids = world.open(
      bob,
      Array.from({length: 8}, () => world.bid(100n, 10n)),
    );
    const rankOf = (id: LockId) => toHex(sha256(fromHex(id), fromHex(checkpointHash(parent))));
    const parent = world.checkpoint;
    world.step([bids.op]);
    expect(bids.ids.map((id) => world.state.sale(id)!.rank)).toEqual(bids.ids.map(rankOf));
    const ask = world.open(
      alice,
      Array.from({length: asks}, () => world.ask(10n, 100n)),
    );
    world.step([ask.op]);
    const first = bids.ids.toSorted((one, other) => (rankOf(one) < rankOf(other) ? -1 : 1)).slice(0, asks);
    expect(ask.ids.map((id) => world.partner(id)).sort()).toEqual(first.sort());
  });

  it("go back when their height has passed, and not before", () => {
    const world = new World();
    const spec = world.ask(30n, 900n, {expiryH: world.checkpoint.height + 2n, refundTo: carol.account});
    const {op, ids} = world.open(alice, [spec]);
    world.step([op]);
    world.step();
    expect(world.state.sale(ids[0]!)!.isClosed).toBe(false);
    world.step();
    expect(world.state.sale(ids[0]!)).toMatchObject({isClosed: true, partner: NONE});
    expect(world.units(carol)).toBe(30n);
    const late = world.open(bob, [world.bid(900n, 30n)]);
    world.step([late.op]);
    expect(world.partner(late.ids[0])).toBeUndefined();
  });

  it("that are late go back at once, and match nothing on their way", () => {
    const world = new World();
    const waiting = world.open(bob, [world.bid(900n, 30n)]);
    world.step([waiting.op]);
    const {op, ids} = world.open(alice, [world.ask(30n, 900n, {expiryH: 1n})]);
    world.step([op]);
    expect(world.state.sale(ids[0]!)).toMatchObject({isClosed: true, partner: NONE, sinceH: 0n});
    expect(world.units(alice)).toBe(1_000n);
    expect(world.partner(waiting.ids[0])).toBeUndefined();
  });

  it("leave the state a whole epoch after they closed", () => {
    const world = new World();
    const {op, ids} = world.open(alice, [world.ask(30n, 900n, {expiryH: 3n})]);
    world.step([op]);
    while (world.checkpoint.height < 30n) world.step();
    expect(world.state.sale(ids[0]!)).toBeUndefined();
    expect([...world.state.sales()]).toEqual([]);
  });

  it("need what they give, of each asset in all", () => {
    const world = new World();
    const reasonOf = (who: Person, sales: readonly SaleSpec[]) => {
      const answer = enabled(world.state, world.open(who, sales).op, {height: 2n});
      return answer.ok ? "ok" : answer.reason;
    };
    expect(reasonOf(alice, [world.ask(600n, 1n), world.ask(400n, 1n)])).toBe("ok");
    expect(reasonOf(alice, [world.ask(600n, 1n), world.ask(401n, 1n)])).toBe("holding");
    expect(reasonOf(bob, [world.ask(1n, 1n)])).toBe("holding");
    const rest = world.money(bob) - 5_000n;
    expect(reasonOf(bob, [world.bid(rest, 1n)])).toBe("ok");
    expect(reasonOf(bob, [world.bid(rest - 1n, 1n), world.bid(2n, 1n)])).toBe("funds");
  });

  it("cost a fee for each cell that they may make", () => {
    const world = new World();
    const sales = [world.ask(1n, 1n), world.bid(1n, 1n)];
    expect(feeOf({kind: "open", locks: [], sales}, 100n)).toBe(500n);
    expect(feeOf({kind: "open", locks: [lockSpec]}, 100n)).toBe(100n);
  });

  it.each<[string, (world: World) => SaleSpec[], string | undefined]>([
    ["is sound", (world) => [world.ask(1n, 1n)], undefined],
    ["gives nothing", (world) => [world.ask(0n, 1n)], "amount"],
    ["wants nothing", (world) => [world.ask(1n, 0n)], "amount"],
    ["never ends", (world) => [world.ask(1n, 1n, {expiryH: 0n})], "expiry"],
    ["wants what it gives", (world) => [world.ask(1n, 1n, {wants: world.ask(2n, 1n).gives})], "sameAsset"],
    ["wants CTZ for CTZ", (world) => [world.bid(1n, 1n, {wants: world.bid(2n, 1n).gives})], "sameAsset"],
    ["is one of too many", (world) => Array.from({length: 16}, () => world.ask(1n, 1n)), "locks"],
  ])("an op that opens one that %s", (_, salesOf, problem) => {
    const world = new World();
    const slot = {seq: 0n, head: NONE as never};
    const sales = salesOf(world);
    const locks = sales.length > 1 ? [lockSpec] : [];
    expect(opFormProblem(bodyAt(alice.account, slot, {kind: "open", locks, sales}))).toBe(problem);
  });
});

describe("a flood of sale locks", () => {
  it("is placed so many at a checkpoint, oldest first, also by a node that restarts in it", () => {
    const world = new World();
    const count = Math.ceil(SALES_PLACED_MAX / 16) + 4;
    let prev = world.open(
      bob,
      Array.from({length: 16}, () => world.bid(1n, 999n)),
    ).op;
    const ops = [prev];
    for (let at = 1; at < count; at += 1) {
      const {body} = prev;
      prev = nextOpAfter(prev, body.payload);
      ops.push(prev);
    }
    const late = world.open(alice, [world.ask(10n, 100n)]);
    world.step(ops);
    const waiting = () => [...world.state.sales()].filter(({isPlaced}) => !isPlaced).length;
    expect(waiting()).toBe(count * 16 - SALES_PLACED_MAX);
    const {totals, register, governance} = world.state;
    const again = LedgerState.load({
      ...{cells: [...world.state.cells()].reverse(), withdrawals: [], totals, register, governance},
    });
    const parent = world.checkpoint;
    const restarted = checkpointStep({...cutWith([late.op]), base: again, parent});
    world.step([late.op]);
    expect(world.checkpoint).toEqual(restarted.checkpoint);
    expect(waiting()).toBe(0);
  });
});

function nextOpAfter({id, body}: Op, payload: Op["body"]["payload"]): Op {
  const state = LedgerState.empty();
  state.put({...genesisState(testGenesis).account(bob.account)!, seq: body.seq, head: id});
  return nextOp(state, body.cell, payload, body.fee);
}

describe("the book", () => {
  const people: readonly AccountId[] = [alice, bob, carol].map(({account}) => account);
  const X = "1".repeat(64) as AssetId;
  const saleArb = fc
    .record({
      number: fc.integer({min: 1, max: 0xffff}),
      payer: fc.constantFrom(...people),
      only: fc.constantFrom(undefined, ...people),
      gives: fc.bigInt({min: 1n, max: 12n}),
      wants: fc.oneof(fc.bigInt({min: 1n, max: 12n}), fc.bigInt({min: 1n, max: (1n << 64n) - 1n})),
      isAsk: fc.boolean(),
      sinceH: fc.bigInt({min: 1n, max: 3n}),
    })
    .map(({number, payer, only, gives, wants, isAsk, sinceH}): SaleCell => {
      const id = toHex(sha256(Uint8Array.of(number >> 8, number & 255))) as LockId;
      const [given, wanted] = [isAsk ? X : undefined, isAsk ? undefined : X];
      const spec = {gives: {asset: given, amount: gives}, wants: {asset: wanted, amount: wants}, only};
      return {
        ...{
          kind: "sale",
          openOp: NONE as OpId,
          id,
          payer,
          spec: {...spec, expiryH: 9n, refundTo: payer},
          in: gives,
          out: 0n,
          sinceH,
        },
        ...{rank: id as string as Hash, isPlaced: true, isClosed: false, closedAt: 0n},
        ...{partner: NONE as LockId, exitAddress: ADDRESS},
      };
    });

  /** The plainest search. */
  function naive(all: readonly SaleCell[], {payer, spec}: SaleCell): LockId | undefined {
    const fitting = all.filter((other) => {
      const isPair =
        other.spec.gives.asset === spec.wants.asset && other.spec.wants.asset === spec.gives.asset;
      const isEnough =
        other.spec.gives.amount >= spec.wants.amount && spec.gives.amount >= other.spec.wants.amount;
      const isFree = (spec.only ?? other.payer) === other.payer && (other.spec.only ?? payer) === payer;
      return isPair && isEnough && isFree;
    });
    const order = (sale: SaleCell) => [
      1_000n - sale.spec.gives.amount,
      sale.sinceH,
      BigInt(`0x${sale.rank}`),
    ];
    fitting.sort((left, right) => {
      const [one, other] = [order(left), order(right)];
      const at = one.findIndex((each, index) => each !== other[index]);
      return at < 0 ? 0 : one[at]! < other[at]! ? -1 : 1;
    });
    return fitting[0]?.id;
  }

  it("finds what a search through all finds, with any taken out again, in forks too", () => {
    const salesArb = fc.uniqueArray(saleArb, {selector: ({id}) => id, maxLength: 40, size: "max"});
    fc.assert(
      fc.property(salesArb, fc.infiniteStream(fc.boolean()), ([...sales], isGone) => {
        const base = new SaleBook(undefined);
        const half = Math.floor(sales.length / 2);
        for (const sale of sales.slice(0, half)) base.place(sale);
        const book = new SaleBook(base);
        for (const sale of sales.slice(half)) book.place(sale);
        const kept = sales.filter((sale) => {
          const isKept = isGone.next().value === false;
          if (!isKept) book.remove(sale);
          return isKept;
        });
        const below = sales.slice(0, half);
        for (const sale of sales) {
          expect(book.matchFor(sale)).toBe(naive(kept, sale));
          expect(base.matchFor(sale)).toBe(naive(below, sale));
        }
        book.commit();
        for (const sale of sales) expect(base.matchFor(sale)).toBe(naive(kept, sale));
      }),
      {numRuns: 300},
    );
  });
});

describe("opening sale locks", () => {
  it("does not touch what apply alone decides: the view has them, no checkpoint has placed them", () => {
    const world = new World();
    const {op, ids} = world.open(alice, [world.ask(3n, 5n)]);
    const view = world.state.fork();
    apply(view, op, {height: 2n});
    expect(view.sale(ids[0]!)).toMatchObject({sinceH: 0n, isPlaced: false, in: 3n});
    expect(view.lock(ids[0]!)).toBeUndefined();
  });
});
