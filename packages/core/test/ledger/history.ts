/** Random histories: what several owners wrote, with overdrafts, pipelined ops, locks and claims. */

import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import type {LockSpec, Op, Payload, SplitLeg} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP} from "@catalyze/core/ledger/opCodec";
import type {AssetId, CellId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {
  award,
  bodyAt,
  claim,
  issue,
  lockSpec,
  people,
  type Slot,
  toCell,
  transfer,
  unsigned,
  ZERO_MEMO,
} from "./kit.ts";

const BURN = {kind: "burn"} as const;

type Move =
  | {kind: "transfer" | "stake" | "withdraw" | "open"; who: number; to: number; amount: bigint; bps: number}
  | {kind: "account"; who: number}
  | {kind: "sell"; who: number; amount: bigint; wants: bigint; which: number; isBuying: boolean}
  | {kind: "issue" | "give"; who: number; to: number; amount: bigint; burn: bigint; which: number}
  | {kind: "harvest"; who: number; which: number}
  | {kind: "own"; isAccept: boolean; who: number; amount: bigint}
  | {kind: "claim"; isOfFree: boolean; lock: number; amount: bigint; isFinal: boolean};

// Balances start at a million: amounts range past them, so that order and overdrafts matter.
const amountArb = fc.oneof(fc.bigInt({min: 1n, max: 999n}), fc.bigInt({min: 1n, max: 1_300_000n}));
const who = fc.nat(people.length - 1);
const moveArb: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("transfer" as const, "stake", "withdraw"),
      who,
      to: who,
      amount: amountArb,
      bps: fc.nat(9_999),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      who,
      to: who,
      amount: amountArb,
      bps: fc.integer({min: 1, max: 9_998}),
    }),
  },
  {weight: 1, arbitrary: fc.record({kind: fc.constant("account" as const), who})},
  {
    weight: 3,
    arbitrary: fc.record({
      ...{kind: fc.constant("sell" as const), who, which: fc.nat(4), isBuying: fc.boolean()},
      ...{amount: fc.bigInt({min: 1n, max: 40n}), wants: fc.bigInt({min: 1n, max: 40n})},
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("issue" as const, "give", "give"),
      ...{who, to: who, which: fc.nat(4)},
      amount: fc.bigInt({min: 1n, max: 60n}),
      burn: fc.bigInt({min: 0n, max: 9n}),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({kind: fc.constant("harvest" as const), who, which: fc.nat(4)}),
  },
  {
    weight: 2,
    arbitrary: fc.record({kind: fc.constant("own" as const), isAccept: fc.boolean(), who, amount: amountArb}),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      isOfFree: fc.boolean(),
      lock: fc.nat(),
      amount: amountArb,
      isFinal: fc.boolean(),
    }),
  },
);

const NO_SEED = ZERO_MEMO.replaceAll("0", "7") as AssetId;

/** Ops as their owners wrote them, each cell's log in order. */
export const historyArb: fc.Arbitrary<Op[]> = fc.array(moveArb, {maxLength: 30, size: "max"}).map((moves) => {
  const slots = new Map<CellId, Slot>();
  const locks: {id: CellId; spec: LockSpec}[] = [];
  const free: {id: CellId; spec: LockSpec; drawn: bigint}[] = [];
  const issued: AssetId[] = [];
  const ops: Op[] = [];
  const write = (cell: CellId, payload: Payload, fee = 100n): Op => {
    const op = unsigned(bodyAt(cell, slots.get(cell) ?? {seq: 0n, head: NO_OP}, payload, fee));
    slots.set(cell, {seq: op.body.seq, head: op.id});
    ops.push(op);
    return op;
  };
  for (const move of moves) {
    if (move.kind === "claim" && move.isOfFree) {
      const lock = free[move.lock % Math.max(1, free.length)];
      if (lock === undefined) continue;
      const amount = 1n + (move.amount % (lock.spec.amount / 2n + 2n));
      const fee = move.amount % 5n === 0n ? 0n : 1n;
      // Some to those who are not allowed, some of what has been drawn already.
      const to = people[move.lock % 3]!.account;
      const payouts =
        move.isFinal && fee === 0n
          ? []
          : [
              {to: toCell(to), amount},
              {to: BURN, amount: 1n},
            ];
      const drawn = move.amount % 7n === 0n ? 0n : lock.drawn;
      const payload = award(drawn, payouts, {fee, isFinal: move.isFinal});
      if (payload.kind === "claim" && payload.cumulative <= lock.spec.amount) lock.drawn = payload.cumulative;
      write(lock.id, payload, fee);
      continue;
    }
    if (move.kind === "claim") {
      const lock = locks[move.lock % Math.max(1, locks.length)];
      if (lock === undefined) continue;
      const isFree = move.isFinal && move.amount % 2n === 0n;
      if (isFree) write(lock.id, {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true}, 0n);
      else write(lock.id, claim(lock.id, move.amount % (lock.spec.amount + 2n), move.isFinal), 3n);
      continue;
    }
    const cell = people[move.who]!.account;
    if (move.kind === "account") {
      write(cell, {
        kind: "account",
        threshold: 1,
        keys: [people[move.who]!.publicKey],
        exitAddress: new Uint8Array(20).fill(move.who + 1),
      });
      continue;
    }
    if (move.kind === "issue") {
      const asset = move.burn === 0n ? "right" : "seed";
      const payload = {...issue, asset, supply: move.amount, royaltyBps: Number(move.burn)} as const;
      issued.push(assetIdOf(write(cell, payload).id));
      continue;
    }
    if (move.kind === "harvest") {
      write(cell, {kind: "harvest", asset: issued[move.which] ?? NO_SEED});
      continue;
    }
    if (move.kind === "sell") {
      const units = {
        asset: issued[move.which] ?? NO_SEED,
        amount: move.amount,
      };
      const money = {asset: undefined, amount: move.wants};
      const [gives, wants] = move.isBuying ? [money, units] : [units, money];
      const only = move.amount % 5n === 0n ? people[move.which % 3]!.account : undefined;
      const spec = {gives, wants, only, expiryH: 3n + (move.wants % 4n), refundTo: cell};
      write(cell, {kind: "open", locks: [], sales: move.wants % 3n === 0n ? [spec, spec] : [spec]});
      continue;
    }
    if (move.kind === "give") {
      // Some of what nobody issued yet, or ever.
      const id = issued[move.which] ?? (ZERO_MEMO as string as CellId);
      const outputs = move.amount % 7n === 0n ? [] : [{to: people[move.to]!.account, amount: move.amount}];
      const burn = outputs.length === 0 ? move.burn + 1n : move.burn;
      write(cell, {kind: "transfer", outputs, memo: ZERO_MEMO, asset: {id, burn}});
      continue;
    }
    if (move.kind === "own") {
      const lockId = locks.at(-1)?.id ?? (ZERO_MEMO as string as CellId);
      const untilH = 2n + (move.amount % 3n);
      if (move.isAccept) write(cell, {kind: "accept", lockId, value: move.amount, untilH});
      else write(cell, {kind: "unstake", stake: "executor", amount: move.amount});
      continue;
    }
    const to = people[move.to]!;
    if (move.kind === "transfer") write(cell, transfer(to.account, move.amount));
    if (move.kind === "stake")
      write(cell, {kind: "stake", stake: move.bps % 2 === 0 ? "witness" : "executor", amount: move.amount});
    if (move.kind === "withdraw")
      write(cell, {kind: "withdraw", amount: move.amount, address: new Uint8Array(20).fill(move.to + 1)});
    if (move.kind !== "open") continue;
    const rest: SplitLeg[] = [
      {
        target: {kind: "cell", cell: people[(move.to + 1) % 3]!.account},
        bps: Math.floor((9_999 - move.bps) / 2),
      },
      // Of a seed, a right, or of what nobody issued yet, or ever.
      move.amount % 2n === 0n
        ? {target: {kind: "pot", seed: issued[move.bps % 5] ?? NO_SEED}, bps: 1}
        : {target: {kind: "treasury"}, bps: 1},
      {target: {kind: "burn"}, bps: Math.ceil((9_999 - move.bps) / 2)},
    ];
    const split: SplitLeg[] = [{target: {kind: "cell", cell: to.account}, bps: move.bps}, ...rest];
    const spec: LockSpec = {
      ...lockSpec,
      controller: to.account,
      controllerKey: to.publicKey,
      amount: move.amount,
      refundTo: cell,
      split,
      tag: ZERO_MEMO,
    };
    const payees = move.bps % 2 === 0 ? undefined : [toCell(to.account), toCell(cell), BURN];
    const judged: LockSpec = {
      ...{...spec, split: [], amount: move.amount / 2n + 1n},
      authority: {kind: "controller", payees, threshold: 1, beside: []},
    };
    const op = write(cell, {kind: "open", locks: [spec, judged]});
    locks.push({id: lockIdOf(op.id, 0), spec});
    free.push({id: lockIdOf(op.id, 1), spec: judged, drawn: 0n});
  }
  return ops;
});
