/** What a judge of a free lock must never get through, played like `tricks.ts`. */
import type {Authority, LockSpec, Op, Payload, Payout} from "@catalyze/core/ledger/op";
import {addSignature} from "@catalyze/core/ledger/opCodec";
import type {CellId, LockId} from "@catalyze/core/primitives/id";
import {
  bodyOf,
  claimOf,
  FIRST,
  forbid,
  openLock,
  own,
  type Step,
  type Trick,
  type TrickContext,
  write,
} from "./tricks.ts";

type Free = Extract<Authority, {kind: "controller"}>;
type Claim = Extract<Payload, {kind: "claim"}>;

const BURN = {kind: "burn"} as const;
const STRANGER = {kind: "cell", cell: "7".repeat(64) as CellId} as const;

/** May burn, or pay the victim. */
function authorityOf({victim}: TrickContext): Free {
  const payees = [BURN, {kind: "cell", cell: victim.account} as const];
  return {kind: "controller", payees, threshold: 1, beside: []};
}

function paying({victim, network}: TrickContext, amount: bigint, drawn = 0n): Claim {
  const payouts: readonly Payout[] = [{to: {kind: "cell", cell: victim.account}, amount}];
  const cumulative = drawn + amount + network.opFee;
  return {kind: "claim", cumulative, voucher: undefined, payouts, isFinal: false};
}

type Written = {
  readonly opened: Op;
  readonly claim: (payload: Claim, fee?: bigint) => Op;
  readonly lockId: LockId;
};

/** The cheat pays, its accomplice judges. */
function free(context: TrickContext, change: Partial<LockSpec> = {}): Written {
  const {accomplice, network} = context;
  const {opened, lockId} = openLock(context, {authority: authorityOf(context), split: [], ...change});
  const claim = (payload: Claim, fee = network.opFee) =>
    write({...bodyOf(accomplice, payload, network), ...FIRST, cell: lockId, fee}, accomplice, network);
  return {opened, claim, lockId};
}

function judging(why: string, payloadOf: (context: TrickContext) => Claim, fee?: bigint): Trick {
  return (context) => {
    const {opened, claim} = free(context);
    return [{op: opened}, forbid(`a judge ${why}`, claim(payloadOf(context), fee))];
  };
}

function opening(why: string, change: (context: TrickContext) => Partial<LockSpec>): Trick {
  return (context) => [forbid(`terms ${why}`, free(context, change(context)).opened)];
}

/** 2,000 are in the lock. */
export const FREE_TRICKS: readonly Trick[] = [
  judging("pays more than there is", (context) => paying(context, 1_901n)),
  judging("pays a stranger", (context) => ({
    ...paying(context, 500n),
    payouts: [{to: STRANGER, amount: 500n}],
  })),
  judging("pays a stranger beside", (context) => {
    const claim = paying(context, 400n);
    return {
      ...claim,
      cumulative: claim.cumulative + 100n,
      payouts: [...claim.payouts!, {to: STRANGER, amount: 100n}],
    };
  }),
  judging("says less than it pays", (context) => ({...paying(context, 500n), cumulative: 1n})),
  judging("says more than it pays", (context) => paying(context, 500n, 9n)),
  judging("pays nothing to somebody", (context) => {
    const claim = paying(context, 500n);
    return {...claim, payouts: [...claim.payouts!, {to: BURN, amount: 0n}]};
  }),
  judging("burns the lock by fees", (context) => ({...paying(context, 500n), cumulative: 1_001n}), 501n),
  judging(
    "pays without a fee",
    (context) => ({...paying(context, 500n), cumulative: 500n, isFinal: true}),
    0n,
  ),
  judging("says nothing, for a fee", ({network}) => ({
    ...{kind: "claim", cumulative: network.opFee, voucher: undefined, isFinal: true},
  })),
  // Signed by who pays, not by who judges.
  (context) => {
    const {opened, lockId} = free(context);
    const body = {...bodyOf(context.cheat, paying(context, 500n), context.network), ...FIRST, cell: lockId};
    return [{op: opened}, forbid("a stranger judges", write(body, context.cheat, context.network))];
  },
  // One of a panel, and one of it with a stranger.
  ...[false, true].map(
    (isJoined): Trick =>
      (context) => {
        const {cheat, victim, network} = context;
        const authority = {...authorityOf(context), threshold: 2, beside: [cheat.signer.publicKey]};
        const {opened, claim} = free(context, {authority});
        const alone = claim(paying(context, 500n));
        const op = isJoined ? addSignature(alone, victim.signer, network.genesisHash) : alone;
        return [{op: opened}, forbid("one of two judges", op)];
      },
  ),
  // A voucher is no word of a judge, and a judge no payee of a voucher.
  (context) => {
    const {opened, claim, lockId} = free(context);
    const {voucher} = claimOf(context, lockId, {signed: 900n, cumulative: 900n});
    return [{op: opened}, forbid("a judge shows a voucher", claim({...paying(context, 500n), voucher}))];
  },
  (context) => {
    const {accomplice, network} = context;
    const {opened, lockId} = openLock(context, {});
    const claim = {
      ...claimOf(context, lockId, {signed: 900n, cumulative: 900n}),
      payouts: paying(context, 500n).payouts!,
    };
    network.allow(lockId, 900n);
    const body = {...bodyOf(accomplice, claim, network), ...FIRST, cell: lockId};
    return [{op: opened}, forbid("payouts of a lock with a split", write(body, accomplice, network))];
  },
  (context) => {
    const expiryH = context.height + 2n;
    const {opened, claim} = free(context, {expiryH});
    const late: Step = {
      ...forbid("a judge after its time", claim(paying(context, 500n))),
      fromHeight: expiryH + 1n,
    };
    // A bad witness may show it to the cut that settles the lock: there it counts, as what a judge really signed.
    return [{op: opened}, {...late, isUnaided: true}];
  },
  // After its last word nothing is left.
  (context) => {
    const {accomplice, network} = context;
    const {opened, claim, lockId} = free(context);
    const last = claim({...paying(context, 500n), isFinal: true});
    const more = {
      ...bodyOf(accomplice, paying(context, 500n, 600n), network),
      cell: lockId,
      seq: 2n,
      prev: last.id,
    };
    return [
      {op: opened},
      {op: last},
      forbid("a judge after its last word", write(more, accomplice, network)),
    ];
  },
  opening("with a judge and a split", ({cheat}) => ({
    split: [{target: {kind: "cell", cell: cheat.account}, bps: 10_000}],
  })),
  opening("that name a payee twice", (context) => ({
    authority: {...authorityOf(context), payees: [BURN, BURN]},
  })),
  opening("that two halves of a panel may sign", (context) => ({
    authority: {...authorityOf(context), beside: [context.cheat.signer.publicKey]},
  })),
  // The honest way, beside them: a judge that pays twice, in order.
  (context) => {
    const {accomplice, network} = context;
    const {opened, claim, lockId} = free(context);
    const first = claim(paying(context, 500n));
    const next = {
      ...bodyOf(accomplice, paying(context, 300n, 600n), network),
      cell: lockId,
      seq: 2n,
      prev: first.id,
    };
    return [{op: opened}, {op: first}, {op: write(next, accomplice, network)}];
  },
  own("payouts in an account's log", (network, context) => ({
    payload: paying(context, 5n),
    fee: network.opFee,
  })),
];
