import {apply, enabled} from "@catalyze/core/ledger/apply";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {balanceOf} from "@catalyze/core/ledger/cell";
import {leafOf} from "@catalyze/core/ledger/cellCodec";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {fold} from "@catalyze/core/ledger/fold";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {LockSpec, Op, Payload, SaleSpec} from "@catalyze/core/ledger/op";
import {feeOf, opFormProblem} from "@catalyze/core/ledger/opChecks";
import {lockIdOf, NO_OP, saleIdsOf} from "@catalyze/core/ledger/opCodec";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {post} from "@catalyze/core/ledger/postings";
import {harvestable, openIn, partsOwed} from "@catalyze/core/ledger/potShares";
import {harvestOf} from "@catalyze/core/ledger/pots";
import {royaltyAt} from "@catalyze/core/ledger/seedRate";
import {LedgerState} from "@catalyze/core/ledger/state";
import {U64_MAX} from "@catalyze/core/primitives/amount";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, CellId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {
  alice,
  bob,
  bodyAt,
  carol,
  claim,
  cutWith,
  dora,
  issue,
  nextOp,
  type Person,
  people,
  potLock,
  testGenesis,
  transfer,
  unsigned,
  ZERO_MEMO,
} from "./kit.ts";

const EPOCH = BigInt(PARAMS_DEMO.checkpointsPerEpoch);
const NO_SEED = "7".repeat(64) as AssetId;

/** A ledger whose epochs end when a test says so. */
class World {
  state = genesisState(testGenesis);
  #parent = genesisCheckpoint(testGenesis, this.state);

  do(who: Person, payload: Payload, fee = 100n): Op {
    const op = nextOp(this.state, who.account, payload, fee);
    apply(this.state, op, this.context);
    return op;
  }

  issue(who: Person, supply: bigint, asset: "seed" | "right" = "seed"): AssetId {
    return assetIdOf(this.do(who, {...issue, asset, supply, royaltyBps: asset === "seed" ? 500 : 0}).id);
  }

  give(who: Person, to: Person, {id, units, burn = 0n}: {id: AssetId; units: bigint; burn?: bigint}): void {
    const outputs = units === 0n ? [] : [{to: to.account, amount: units}];
    this.do(who, {kind: "transfer", outputs, memo: ZERO_MEMO, asset: {id, burn}});
  }

  /** Pays into a pot as nobody could: to the µCTZ. */
  fill(seed: AssetId, amount: bigint): void {
    post(this.state, [
      {bucket: "deposited", amount},
      {bucket: "pot", seed, amount},
    ]);
  }

  /** The next checkpoint; `ops` are certified in it. */
  checkpoint(ops: readonly Op[] = [], height = this.#parent.height + 1n) {
    const parent = {...this.#parent, height: height - 1n};
    const step = checkpointStep({...cutWith(ops), base: this.state, parent});
    this.state = step.state.commit();
    this.#parent = step.checkpoint;
    expect(checkInvariants(this.state)).toEqual([]);
    return step.checkpoint;
  }

  endEpoch(ops: readonly Op[] = []) {
    return this.checkpoint(ops, (this.#parent.height / EPOCH + 1n) * EPOCH);
  }

  get context() {
    return {height: this.#parent.height + 1n};
  }

  due({account}: Person, asset: AssetId): bigint {
    return harvestOf(this.state, account, {kind: "harvest", asset});
  }

  harvest(who: Person, asset: AssetId, fee = 100n): bigint {
    const before = this.balance(who);
    this.do(who, {kind: "harvest", asset}, fee);
    return this.balance(who) - before + fee;
  }

  balance({account}: Person): bigint {
    const cell = this.state.account(account);
    return cell === undefined ? 0n : balanceOf(cell);
  }
}

describe("a pot", () => {
  it("is paid by claims, shared at the epoch's end, and harvested by who held units then", () => {
    const world = new World();
    // A power of two: nothing is left of the division.
    const id = world.issue(carol, 1_024n);
    world.give(carol, dora, {id, units: 256n});
    const open = world.do(alice, {kind: "open", locks: [potLock(id)]});
    apply(world.state, nextOp(world.state, lockIdOf(open.id, 0), claim(lockIdOf(open.id, 0), 8_000n)), {
      height: 1n,
    });
    // 5 % of what was claimed; the rest goes where it always went.
    expect(world.state.pot(id)).toMatchObject({in: 400n, out: 0n, shared: 0n});
    expect(world.state.totals.pots).toBe(400n);
    expect([carol, dora].map((each) => world.due(each, id))).toEqual([0n, 0n]);
    world.checkpoint();
    expect(world.due(carol, id)).toBe(0n);
    world.endEpoch();
    expect([carol, dora, bob].map((each) => world.due(each, id))).toEqual([300n, 100n, 0n]);
    expect(world.harvest(carol, id)).toBe(300n);
    expect(world.harvest(carol, id)).toBe(0n);
    expect(world.state.pot(id)).toMatchObject({in: 400n, out: 300n});
    expect(world.state.totals.pots).toBe(100n);
    expect(checkInvariants(world.state)).toEqual([]);
  });

  it("pays who holds units when the epoch ends, whoever had them before", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.fill(id, 1_000n);
    world.give(carol, bob, {id, units: 4n});
    world.endEpoch();
    world.give(carol, bob, {id, units: 6n});
    expect([carol, bob].map((each) => world.due(each, id))).toEqual([600n, 400n]);
    world.fill(id, 50n);
    world.endEpoch();
    expect([carol, bob].map((each) => world.due(each, id))).toEqual([600n, 450n]);
    // Three epochs, none of which touched their holdings, are settled as one.
    for (const amount of [10n, 20n, 30n]) {
      world.fill(id, amount);
      world.endEpoch();
    }
    expect([carol, bob].map((each) => world.due(each, id))).toEqual([600n, 510n]);
  });

  it("pays the fee of a harvest out of the harvest, and lets one of nothing pass", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.give(carol, bob, {id, units: 10n});
    world.fill(id, 100n);
    world.do(bob, transfer(alice.account, world.balance(bob) - 100n));
    expect(world.balance(bob)).toBe(0n);
    const answerOf = () => enabled(world.state, nextOp(world.state, bob.account, harvest), world.context);
    const harvest: Payload = {kind: "harvest", asset: id};
    expect(answerOf()).toEqual({ok: false, reason: "funds"});
    world.endEpoch();
    expect(answerOf()).toEqual({ok: true});
    expect(world.harvest(bob, id)).toBe(100n);
    expect(world.balance(bob)).toBe(0n);
    expect(world.harvest(alice, id)).toBe(0n);
    expect(world.harvest(alice, NO_SEED)).toBe(0n);
  });

  it("burns nobody's royalty with units: what was earned stays, and the others earn more", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.give(carol, bob, {id, units: 5n});
    world.fill(id, 100n);
    world.endEpoch();
    world.give(carol, carol, {id, units: 0n, burn: 5n});
    expect(world.due(carol, id)).toBe(50n);
    world.fill(id, 100n);
    world.endEpoch();
    expect([carol, bob].map((each) => world.due(each, id))).toEqual([50n, 150n]);
  });

  it("of a seed that is all burned goes to the treasury, but for what was earned before", () => {
    const world = new World();
    const id = world.issue(carol, 3n);
    world.fill(id, 100n);
    world.endEpoch();
    world.give(carol, carol, {id, units: 0n, burn: 3n});
    world.fill(id, 40n);
    const before = world.state.totals.treasury;
    world.endEpoch();
    expect(world.state.totals.treasury - before).toBe(40n);
    expect(world.due(carol, id)).toBe(99n);
    expect(world.harvest(carol, id)).toBe(99n);
    // Less than a µCTZ for its holder, and what could not be divided.
    expect(world.state.totals.pots).toBe(1n);
    world.fill(id, 7n);
    world.endEpoch();
    expect(world.state.totals).toMatchObject({pots: 1n, treasury: before + 47n});
  });

  it.each<[string, (world: World) => AssetId]>([
    ["of a right", (world) => world.issue(carol, 10n, "right")],
    ["of what nobody issued", () => NO_SEED],
  ])("%s goes to the treasury, and leaves no cell", (_, idOf) => {
    const world = new World();
    const id = idOf(world);
    world.fill(id, 40n);
    expect(world.state.pot(id)).toBeDefined();
    world.endEpoch();
    expect(world.state.totals).toMatchObject({pots: 0n, treasury: 40n});
    expect(world.state.pot(id)).toBeUndefined();
    expect(world.due(carol, id)).toBe(0n);
    expect([...world.state.pots()]).toEqual([]);
  });

  it("takes what comes before its seed is issued, in the same epoch", () => {
    const pay = (world: World, seed: AssetId) => {
      const open = world.do(alice, {kind: "open", locks: [potLock(seed)]});
      const lockId = lockIdOf(open.id, 0);
      apply(world.state, nextOp(world.state, lockId, claim(lockId, 8_000n)), world.context);
    };
    const rootOf = (isIssuedFirst: boolean) => {
      const world = new World();
      const payload = {...issue, supply: 10n};
      const id = assetIdOf(nextOp(world.state, carol.account, payload, 400n).id);
      if (isIssuedFirst) world.do(carol, payload, 400n);
      pay(world, id);
      if (!isIssuedFirst) world.do(carol, payload, 400n);
      world.endEpoch();
      expect(world.due(carol, id)).toBe(400n);
      return toHex(world.state.tree().root());
    };
    expect(rootOf(false)).toBe(rootOf(true));
  });

  it("costs the end of an epoch nothing when nothing came in", () => {
    const world = new World();
    const ids = [1n, 2n, 3n].map((supply) => world.issue(carol, supply));
    for (const id of ids) world.fill(id, 10n);
    expect(world.state.openPots()).toEqual([...ids].sort());
    world.endEpoch();
    expect(world.state.openPots()).toEqual([]);
    world.fill(ids[1]!, 1n);
    const fork = world.state.fork();
    expect(fork.openPots()).toEqual([ids[1]]);
    const before = ids.map((id) => world.state.pot(id));
    world.endEpoch();
    const after = ids.map((id) => world.state.pot(id));
    expect(after.map((pot, at) => pot === before[at])).toEqual([true, false, true]);
  });

  it("is money that the network owes: in the sum of the tree, and found again from its cells", () => {
    const world = new World();
    const id = world.issue(carol, 7n);
    const before = world.state.tree().sum();
    world.fill(id, 100n);
    expect(leafOf(world.state.pot(id)!).sum).toBe(100n);
    expect(world.state.tree().sum()).toBe(before + 100n);
    const {totals, register, governance} = world.state;
    const loaded = LedgerState.load({
      ...{cells: world.state.cells(), withdrawals: world.state.withdrawals(), totals, register, governance},
    });
    expect(loaded.tree().root()).toEqual(world.state.tree().root());
    expect(loaded.openPots()).toEqual([id]);
    expect(world.endEpoch().totals.pots).toBe(100n);
  });

  it("pays holders of one unit of 2^64 − 1 no more and no less than came in, for ever", () => {
    const world = new World();
    const id = world.issue(carol, U64_MAX);
    world.give(carol, bob, {id, units: 1n});
    for (const amount of [1n, U64_MAX, 1n, 2n * U64_MAX]) {
      world.fill(id, amount);
      world.endEpoch();
    }
    const [pot, few, many] = [
      world.state.pot(id)!,
      world.state.holding(bob.account, id)!,
      world.state.holding(carol.account, id)!,
    ];
    expect(openIn(pot)).toBe(0n);
    expect(harvestable(few, pot)).toBe(3n);
    const owed = partsOwed(few, pot) + partsOwed(many, pot);
    expect(owed).toBe(pot.shared);
    expect(pot.in - (owed >> 64n)).toBeLessThanOrEqual(1n);
    // The largest counters that any network could come to: a share of a claim is at most u64, and so is their number.
    const most = U64_MAX * U64_MAX;
    const full = {...pot, in: most, out: most, perUnit: most << 64n, shared: most << 64n};
    expect(() => leafOf(full)).not.toThrow();
    expect(() => leafOf({...few, perUnit: most << 64n, earned: most << 64n, harvested: most})).not.toThrow();
  });
});

describe("units in sale locks", () => {
  const selling = (id: AssetId, amount: bigint, wants = 100n): Payload => {
    const spec: SaleSpec = {
      gives: {asset: id, amount},
      wants: {asset: undefined, amount: wants},
      ...{only: undefined, expiryH: 2n * EPOCH, refundTo: dora.account},
    };
    return {kind: "open", locks: [], sales: [spec]};
  };

  it("earn for who offers them until they are sold, then for the buyer", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    const offer = nextOp(world.state, carol.account, selling(id, 4n));
    world.checkpoint([offer]);
    world.fill(id, 1_000n);
    world.endEpoch();
    expect(world.state.sale(saleIdsOf(offer)[0]!)).toMatchObject({isPlaced: true, isClosed: false});
    expect(world.due(carol, id)).toBe(1_000n);
    const buying: SaleSpec = {
      gives: {asset: undefined, amount: 100n},
      wants: {asset: id, amount: 4n},
      ...{only: undefined, expiryH: 2n * EPOCH, refundTo: bob.account},
    };
    world.checkpoint([nextOp(world.state, bob.account, {kind: "open", locks: [], sales: [buying]})]);
    expect(world.state.holding(carol.account, id)).toMatchObject({onSale: 0n});
    world.fill(id, 1_000n);
    world.endEpoch();
    expect([carol, bob].map((each) => world.due(each, id))).toEqual([1_600n, 400n]);
  });

  it("that come back earn for who has them then, and stay earned for who offered them", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.do(carol, selling(id, 10n));
    world.fill(id, 100n);
    world.endEpoch();
    world.endEpoch();
    world.checkpoint();
    expect(world.state.holding(dora.account, id)).toMatchObject({in: 10n});
    world.fill(id, 30n);
    world.endEpoch();
    expect([carol, dora].map((each) => world.due(each, id))).toEqual([100n, 30n]);
  });
});

describe("royalties", () => {
  type Moving = {kind: "give" | "burn" | "sell" | "buy"; who: number; to: number; units: bigint};
  type Deed =
    | {kind: "fill"; amount: bigint}
    | Moving
    | {kind: "harvest"; who: number}
    | {kind: "epoch"}
    | {kind: "checkpoint"};
  const who = fc.nat(2);
  const deedArb: fc.Arbitrary<Deed> = fc.oneof(
    fc.record({kind: fc.constant("fill" as const), amount: fc.bigInt({min: 1n, max: 500n})}),
    fc.record({
      kind: fc.constantFrom("give" as const, "burn", "sell", "buy", "sell", "buy"),
      ...{who, to: who, units: fc.bigInt({min: 1n, max: 5n})},
    }),
    fc.record({kind: fc.constant("harvest" as const), who}),
    fc.record({kind: fc.constant("epoch" as const)}),
    fc.record({kind: fc.constant("checkpoint" as const)}),
  );
  const supplyArb = fc.oneof(fc.bigInt({min: 1n, max: 13n}), fc.bigInt({min: U64_MAX - 9n, max: U64_MAX}));

  /** Does what can be done of a list, and says who had how much of what was shared. */
  function lived(supply: bigint, deeds: readonly Deed[]) {
    const world = new World();
    const id = world.issue(carol, supply);
    const harvested = [0n, 0n, 0n];
    const opOf = (at: number, payload: Payload) => nextOp(world.state, people[at]!.account, payload);
    const payloadOf = ({kind, to, units}: Moving): Payload => {
      if (kind === "sell" || kind === "buy") {
        const [shares, money] = [
          {asset: id, amount: units},
          {asset: undefined, amount: 5n},
        ];
        const spec: SaleSpec = {
          ...(kind === "sell"
            ? {gives: shares, wants: money}
            : {gives: money, wants: {...shares, amount: 1n}}),
          ...{only: undefined, expiryH: world.context.height + 9n, refundTo: people[to]!.account},
        };
        return {kind: "open", locks: [], sales: [spec]};
      }
      const outputs = kind === "burn" ? [] : [{to: people[to]!.account, amount: units}];
      return {kind: "transfer", outputs, memo: ZERO_MEMO, asset: {id, burn: kind === "burn" ? units : 0n}};
    };
    const attempt = (op: Op) => {
      if (enabled(world.state, op, world.context).ok) apply(world.state, op, world.context);
    };
    for (const deed of deeds) {
      if (deed.kind === "fill") world.fill(id, deed.amount);
      else if (deed.kind === "epoch") world.endEpoch();
      else if (deed.kind === "checkpoint") world.checkpoint();
      else if (deed.kind === "harvest") harvested[deed.who]! += world.harvest(people[deed.who]!, id);
      else if (deed.kind === "sell" || deed.kind === "buy") {
        // The system sees it open, and matches it or not.
        const op = opOf(deed.who, payloadOf(deed));
        world.checkpoint(enabled(world.state, op, world.context).ok ? [op] : []);
      } else attempt(opOf(deed.who, payloadOf(deed)));
      expect(checkInvariants(world.state)).toEqual([]);
    }
    const isMatched = ({partner}: {partner: string}) => partner !== ZERO_MEMO;
    return {world, id, harvested, matches: [...world.state.sales()].filter(isMatched).length};
  }

  it("never come to more than came in, and all of them can be harvested but for less than a µCTZ a holding", () => {
    let matchesInAll = 0;
    fc.assert(
      fc.property(supplyArb, fc.array(deedArb, {maxLength: 25, size: "max"}), (supply, deeds) => {
        const gifts = [0, 1].map((to) => ({kind: "give" as const, who: 2, to, units: 4n}));
        const {world, id, harvested, matches} = lived(supply, [...gifts, ...deeds]);
        matchesInAll += matches;
        world.endEpoch();
        for (const [at, each] of people.entries()) harvested[at]! += world.harvest(each, id);
        const pot = world.state.pot(id);
        const holdings = [...world.state.holdings()];
        const toTreasury = world.state.totals.treasury;
        const left = (pot?.in ?? 0n) - harvested.reduce((sum, each) => sum + each, 0n) - toTreasury;
        expect(left).toBe(pot === undefined ? 0n : balanceOf(pot));
        expect(left).toBeGreaterThanOrEqual(0n);
        // Each holding leaves less than one, and so does the division.
        expect(left).toBeLessThanOrEqual(BigInt(holdings.length));
      }),
      {numRuns: 150},
    );
    // Worth something only when units are sold, too.
    expect(matchesInAll).toBeGreaterThan(10);
  });

  it("do not depend on the order of ops within an epoch, nor on who touches whose holding", () => {
    const opsArb = fc.array(
      fc.record({
        ...{who, to: who, units: fc.bigInt({min: 1n, max: 5n})},
        kind: fc.constantFrom("give" as const, "harvest", "claim"),
      }),
      {minLength: 2, maxLength: 12},
    );
    const shuffledArb = opsArb.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(
          list.map((_, at) => at),
          {minLength: list.length},
        ),
      ),
    );
    fc.assert(
      fc.property(supplyArb, shuffledArb, (supply, [list, order]) => {
        const before = lived(supply, [
          {kind: "give", who: 2, to: 0, units: 3n},
          {kind: "fill", amount: 1_000n},
          {kind: "epoch"},
          {kind: "give", who: 2, to: 1, units: 1n},
          {kind: "fill", amount: 333n},
          {kind: "epoch"},
        ]);
        const spec: LockSpec = potLock(before.id);
        const open = before.world.do(alice, {kind: "open", locks: [spec]});
        const lockId = lockIdOf(open.id, 0);
        const slots = new Map<CellId, {seq: bigint; head: Op["id"]}>();
        const write = (cell: CellId, payload: Payload) => {
          const known = before.world.state.account(cell) ?? {seq: 0n, head: NO_OP};
          const op = unsigned(bodyAt(cell, slots.get(cell) ?? known, payload));
          slots.set(cell, {seq: op.body.seq, head: op.id});
          return op;
        };
        const ops = list.map(({kind, who: from, to, units}, at) => {
          if (kind === "claim") return write(lockId, claim(lockId, 700n * BigInt(at + 1)));
          const {account} = people[from]!;
          if (kind === "harvest") return write(account, {kind: "harvest", asset: before.id});
          const outputs = [{to: people[to]!.account, amount: units}];
          return write(account, {
            kind: "transfer",
            outputs,
            memo: ZERO_MEMO,
            asset: {id: before.id, burn: 0n},
          });
        });
        const outcome = (all: readonly Op[]) => {
          const state = before.world.state.fork();
          const {applied} = fold(state, all, before.world.context);
          const parent = {...genesisCheckpoint(testGenesis), height: 5n * EPOCH - 1n};
          const ended = checkpointStep({...cutWith([]), base: state, parent}).state;
          expect(checkInvariants(ended)).toEqual([]);
          const dues = people.map(({account}) =>
            harvestOf(ended, account, {kind: "harvest", asset: before.id}),
          );
          return {dues, applied: applied.map(({id}) => id).sort(), root: toHex(ended.tree().root())};
        };
        expect(outcome(order.map((at) => ops[at]!))).toEqual(outcome(ops));
      }),
      {numRuns: 150},
    );
  });
});

describe("postings of pots", () => {
  it("take out no more than was earned, and nothing that was shared", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.fill(id, 100n);
    world.fill(world.issue(bob, 10n), 500n);
    world.endEpoch();
    const harvest = (amount: bigint, who: AccountId) => () =>
      post(world.state.fork(), [
        {bucket: "account", id: who, amount},
        {bucket: "harvest", id: who, seed: id, amount: -amount},
      ]);
    expect(harvest(100n, carol.account)).not.toThrow();
    expect(harvest(101n, carol.account)).toThrow(/takes what was earned/);
    expect(harvest(1n, bob.account)).toThrow(/takes what was earned/);
    const drain = () =>
      post(world.state.fork(), [
        {bucket: "pot", seed: id, amount: -1n},
        {bucket: "treasury", amount: 1n},
      ]);
    expect(drain).toThrow(/would go negative/);
    expect(() => post(world.state.fork(), [{bucket: "pot", seed: id, amount: 1n}])).toThrow(/sum to zero/);
  });

  it("are missed by the recount when they were other ones", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.fill(id, 100n);
    world.endEpoch();
    const [pot, holding] = [world.state.pot(id)!, world.state.holding(carol.account, id)!];
    const wrong = [
      {...pot, in: 101n},
      {...pot, out: 1n},
      {...pot, shared: pot.shared + 1n},
      {...pot, perUnit: pot.perUnit + 1n},
      {...holding, harvested: 1n},
      {...holding, earned: 1n},
      {...holding, onSale: 1n},
    ];
    for (const cell of wrong) {
      const state = world.state.fork();
      state.put(cell);
      expect(checkInvariants(state)).not.toEqual([]);
    }
  });
});

describe("the rate of a seed", () => {
  const rating = (asset: AssetId, royaltyBps: number): Payload => ({
    kind: "govern",
    wish: {kind: "rate", asset, royaltyBps},
  });

  it("is changed by its issuer alone, and counts from the next epoch on", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    const rates = () => [1, 2, 3].map((epoch) => royaltyAt(world.state.asset(id)!, epoch));
    const wish = (who: Person, bps: number) => nextOp(world.state, who.account, rating(id, bps));
    world.checkpoint([wish(carol, 700), wish(bob, 900)]);
    expect(rates()).toEqual([500, 700, 700]);
    world.checkpoint([wish(carol, 800)]);
    expect(rates()).toEqual([500, 800, 800]);
    world.endEpoch();
    expect(rates()).toEqual([500, 800, 800]);
    world.checkpoint([wish(carol, 0)]);
    expect(rates().slice(1)).toEqual([800, 0]);
  });

  it("is asked for in one epoch and counts in the next, also at the height that ends one", () => {
    const world = new World();
    const id = world.issue(carol, 10n);
    world.endEpoch([nextOp(world.state, carol.account, rating(id, 700))]);
    expect([1, 2].map((epoch) => royaltyAt(world.state.asset(id)!, epoch))).toEqual([500, 700]);
  });

  it("is of seeds alone", () => {
    const world = new World();
    const id = world.issue(carol, 10n, "right");
    world.checkpoint([nextOp(world.state, carol.account, rating(id, 700))]);
    expect(world.state.asset(id)).toMatchObject({royaltyBps: 0, nextBps: 0});
    world.checkpoint([nextOp(world.state, carol.account, rating(NO_SEED, 700))]);
    expect(world.state.asset(NO_SEED)).toBeUndefined();
  });

  it("is at most the whole", () => {
    const problemOf = (bps: number) =>
      opFormProblem(bodyAt(carol.account, {seq: 0n, head: NO_OP}, rating(NO_SEED, bps)));
    expect([0, 10_000, 10_001].map(problemOf)).toEqual([undefined, undefined, "royalty"]);
    expect(feeOf(rating(NO_SEED, 1), 100n)).toBe(100n);
    expect(feeOf({kind: "harvest", asset: NO_SEED}, 100n)).toBe(100n);
  });
});
