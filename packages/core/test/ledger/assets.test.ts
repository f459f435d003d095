import {apply, enabled} from "@catalyze/core/ledger/apply";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {balanceOf} from "@catalyze/core/ledger/cell";
import {leafOf} from "@catalyze/core/ledger/cellCodec";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import type {Payload} from "@catalyze/core/ledger/op";
import {feeOf, isFeeEnough, opFormProblem} from "@catalyze/core/ledger/opChecks";
import {post} from "@catalyze/core/ledger/postings";
import {LedgerState} from "@catalyze/core/ledger/state";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {
  alice,
  bob,
  bodyAt,
  carol,
  issue,
  nextOp,
  type Person,
  testGenesis,
  transfer,
  ZERO_MEMO,
} from "./kit.ts";

const context = {height: 3n};

function give(id: AssetId, outputs: readonly {to: AccountId; amount: bigint}[], burn = 0n): Payload {
  return {kind: "transfer", outputs, memo: ZERO_MEMO, asset: {id, burn}};
}

function issued() {
  const state = genesisState(testGenesis);
  const op = nextOp(state, alice.account, issue, 300n);
  apply(state, op, context);
  return {state, id: assetIdOf(op.id)};
}

function unitsOf(state: LedgerState, {account}: Person, id: AssetId): bigint {
  const holding = state.holding(account, id);
  return holding === undefined ? 0n : balanceOf(holding);
}

describe("an asset", () => {
  it("is all its issuer's at first, and moves and burns by ops of who holds it", () => {
    const {state, id} = issued();
    const {content, asset, royaltyBps} = issue;
    const rate = {royaltyBps, nextBps: royaltyBps, nextEpoch: 0};
    const about = {content, asset, ...rate, issuer: alice.account};
    expect(state.asset(id)).toEqual({kind: "asset", id, ...about, supply: 1_000n, burned: 0n});
    const balances = [alice, bob].map(({account}) => balanceOf(state.account(account)!));
    const outputs = [bob, carol].map(({account}, at) => ({to: account, amount: at === 0 ? 600n : 300n}));
    apply(state, nextOp(state, alice.account, give(id, outputs, 40n), 300n), context);
    apply(state, nextOp(state, bob.account, give(id, [], 100n)), context);
    expect([alice, bob, carol].map((each) => unitsOf(state, each, id))).toEqual([60n, 500n, 300n]);
    expect(state.asset(id)).toMatchObject({supply: 1_000n, burned: 140n});
    // No µCTZ but the fees.
    expect([alice, bob].map(({account}) => balanceOf(state.account(account)!))).toEqual([
      balances[0]! - 300n,
      balances[1]! - 100n,
    ]);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("cannot be given by who has not enough of it, nor when nobody issued it", () => {
    const {state, id} = issued();
    const reasonOf = (who: Person, payload: Payload) => {
      const answer = enabled(state, nextOp(state, who.account, payload), context);
      return answer.ok ? "ok" : answer.reason;
    };
    const toCarol = (amount: bigint, burn = 0n) => give(id, [{to: carol.account, amount}], burn);
    expect(reasonOf(alice, toCarol(1_000n))).toBe("ok");
    expect(reasonOf(alice, toCarol(1_001n))).toBe("holding");
    expect(reasonOf(alice, toCarol(900n, 101n))).toBe("holding");
    expect(reasonOf(bob, toCarol(1n))).toBe("holding");
    expect(reasonOf(alice, give(ZERO_MEMO as string as AssetId, [], 1n))).toBe("holding");
    expect(() => apply(state, nextOp(state, bob.account, toCarol(1n)), context)).toThrow(/not enabled/);
  });

  it("counts nothing in an exit, wherever it is", () => {
    const {state, id} = issued();
    const cells = [state.asset(id)!, state.holding(alice.account, id)!];
    expect(cells.map((cell) => leafOf(cell).sum)).toEqual([0n, 0n]);
    const before = state.tree().sum();
    apply(state, nextOp(state, alice.account, give(id, [{to: bob.account, amount: 7n}]), 200n), context);
    expect(state.tree().sum()).toBe(before - 200n);
    expect(cells.every((cell) => state.tree().lookUp(leafOf(cell).id).leaf !== undefined)).toBe(true);
  });

  it("comes back as it was from its cells", () => {
    const {state, id} = issued();
    apply(state, nextOp(state, alice.account, give(id, [{to: bob.account, amount: 7n}]), 200n), context);
    const {totals, register, governance} = state;
    const loaded = LedgerState.load({
      ...{cells: state.cells(), withdrawals: state.withdrawals(), totals, register, governance},
    });
    expect(loaded.tree().root()).toEqual(state.tree().root());
    expect(unitsOf(loaded, bob, id)).toBe(7n);
  });

  it("moves by postings that balance, each asset for itself", () => {
    const {state, id} = issued();
    const other = nextOp(state, alice.account, {...issue, supply: 9n}, 300n);
    apply(state, other, context);
    const asset = assetIdOf(other.id);
    const holding = {bucket: "holding" as const, id: alice.account};
    const unbalanced = [
      [{...holding, asset: id, amount: -5n}],
      [
        {...holding, asset: id, amount: -5n},
        {...holding, asset, amount: 5n},
      ],
      [
        {...holding, asset: id, amount: -5n},
        {bucket: "account" as const, id: bob.account, amount: 5n},
      ],
    ];
    for (const postings of unbalanced) expect(() => post(state, postings)).toThrow(/sum to zero/);
  });
});

describe("what an asset costs", () => {
  it("is a fee for each cell that it may make, whether or not it was there", () => {
    const outputs = [alice, bob, carol].map(({account}) => ({to: account, amount: 1n}));
    const id = ZERO_MEMO as string as AssetId;
    expect(feeOf(issue, 100n)).toBe(400n);
    expect(feeOf({...issue, asset: "right", royaltyBps: 0}, 100n)).toBe(300n);
    expect(feeOf(give(id, outputs), 100n)).toBe(400n);
    expect(feeOf(give(id, [], 5n), 100n)).toBe(100n);
    expect(feeOf(transfer(bob.account, 5n), 100n)).toBe(100n);
    const state = genesisState(testGenesis);
    const bodyOf = (fee: bigint) =>
      bodyAt(alice.account, {seq: 0n, head: state.account(alice.account)!.head}, give(id, outputs), fee);
    expect(isFeeEnough(bodyOf(400n), {state, epoch: 1})).toBe(true);
    expect(isFeeEnough(bodyOf(399n), {state, epoch: 1})).toBe(false);
  });
});

describe("the form of asset ops", () => {
  it.each<[string, Payload, string | undefined]>([
    ["an issue", issue, undefined],
    ["an issue of nothing", {...issue, supply: 0n}, "supply"],
    ["a royalty above the whole", {...issue, royaltyBps: 10_001}, "royalty"],
    ["a right with a royalty", {...issue, asset: "right"}, "royalty"],
    ["a right", {...issue, asset: "right", royaltyBps: 0}, undefined],
    ["a transfer of nothing", give(ZERO_MEMO as string as AssetId, []), "outputs"],
    ["a burn alone", give(ZERO_MEMO as string as AssetId, [], 1n), undefined],
    ["an output of nothing", give(ZERO_MEMO as string as AssetId, [{to: bob.account, amount: 0n}]), "amount"],
    ["CTZ to nobody", {kind: "transfer", outputs: [], memo: ZERO_MEMO}, "outputs"],
  ])("%s", (_, payload, problem) => {
    const slot = {seq: 0n, head: ZERO_MEMO as string as never};
    expect(opFormProblem(bodyAt(alice.account, slot, payload))).toBe(problem);
  });
});

describe("the recount", () => {
  it("finds units that nobody issued, and units that are gone", () => {
    const {state, id} = issued();
    const holding = state.holding(alice.account, id)!;
    const asset = state.asset(id)!;
    const changed = [
      {...holding, in: 1_001n},
      {...holding, out: 1n},
      {...asset, burned: 1n},
      {...asset, supply: 999n},
    ];
    for (const cell of changed) {
      const wrong = state.fork();
      wrong.put(cell);
      expect(checkInvariants(wrong).map(({invariant}) => invariant)).toEqual(["I9"]);
    }
    const made = state.fork();
    made.put({...holding, id: "7".repeat(64) as AssetId, asset: "8".repeat(64) as AssetId});
    expect(checkInvariants(made)).toEqual([
      {invariant: "I9", detail: `asset ${"8".repeat(64)} was never issued`},
    ]);
  });
});
