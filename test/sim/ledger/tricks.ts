/**
 * Ops that must never count. Each trick is played by an account of its own, so that what it spoils is its
 * own log, and its ops go to honest witnesses and into the entries of a bad one.
 */
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import type {LockSpec, Lot, Op, OpBody, Payload, SaleSpec} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {VERDICT_EPOCHS} from "@catalyze/core/ledger/params";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import type {AssetId, CellId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {Judging} from "./judges.ts";
import type {Network, Owner} from "./owners.ts";

export type TrickContext = {
  readonly network: Network;
  readonly random: SeededRandom;
  readonly cheat: Owner;
  /** Never an honest one's loss. */
  readonly accomplice: Owner;
  readonly victim: Owner;
  readonly height: bigint;
};

export type Step = {
  readonly op: Op;
  /** Why it must never count; nothing for the honest steps of a trick. */
  readonly forbidden?: string;
  /** Not handed in before this height. */
  readonly fromHeight?: bigint;
  /** Not handed in before this op is certified. */
  readonly after?: OpId;
  /** A bad witness does not help: honest ones vote for what somebody carried in its last epoch. */
  readonly isUnaided?: true;
};

export type Trick = (context: TrickContext) => Step[];

/** Until a vote lowers the fee. */
export const UNDERPAID = "at the fee of one op";
const MEMO = "0".repeat(64) as Hash;
const NOWHERE = "7".repeat(64) as OpId;
const PRICE = 2_000n;

export const TRICKS: readonly Trick[] = [
  ({cheat, victim, network}) => [
    forbid("signed by a stranger", write(bodyOf(victim, pay(cheat, 900n), network), cheat, network)),
  ],
  ({cheat, victim, network, random}) => {
    const signer = {publicKey: victim.signer.publicKey, sign: () => random.bytes(64)};
    return [
      forbid(
        "signature made up",
        signOp(bodyOf(victim, pay(cheat, 900n), network), signer, network.genesisHash),
      ),
    ];
  },
  ({cheat, victim, network}) => {
    const op = signOp(bodyOf(cheat, pay(victim, 9n), network), cheat.signer, new Uint8Array(32).fill(7));
    return [forbid("signed for another genesis", op)];
  },
  own("of another network", (network) => ({network: (network.id ^ 1) >>> 0})),
  own("without a fee", () => ({fee: 0n})),
  own("fee too low", ({feeMin}) => ({fee: feeMin - 1n})),
  (context) =>
    own("too late in epochs", () => ({validUntilEpoch: 0}))(context).map((step) => ({
      ...step,
      isUnaided: true,
    })),
  own("too early in epochs", () => ({validFromEpoch: 900_000})),
  own("after nothing", () => ({seq: 2n, prev: NOWHERE})),
  ({cheat, victim, network}) => [
    forbid("an overdraft", write(bodyOf(cheat, pay(victim, 10_000_000n), network), cheat, network)),
  ],
  ({cheat, victim, network}) => {
    const all = cheat.endowment - network.opFee;
    const first = write(bodyOf(cheat, pay(victim, all), network), cheat, network);
    const again = {...bodyOf(cheat, pay(victim, all), network), seq: 2n, prev: first.id};
    return [{op: first}, forbid("spent twice", write(again, cheat, network))];
  },
  ({cheat, victim, network}) => {
    const first = write(bodyOf(cheat, pay(victim, 5n), network), cheat, network);
    const rival = write(bodyOf(cheat, pay(victim, 6n), network), cheat, network);
    return [{op: first}, {...forbid("a slot long used", rival), after: first.id}];
  },
  ({cheat, accomplice, victim, network}) => {
    const keys = [accomplice.signer.publicKey];
    const rotate = {kind: "account" as const, threshold: 1, keys, exitAddress: new Uint8Array(20)};
    const first = write(bodyOf(cheat, rotate, network), cheat, network);
    const old = {...bodyOf(cheat, pay(victim, 5n), network), seq: 2n, prev: first.id};
    return [{op: first}, forbid("signed by a key that was replaced", write(old, cheat, network))];
  },
  ({cheat, accomplice, network, height}) => {
    const spec = specOf({cheat, accomplice, height}, {});
    const split = [{...spec.split[0]!, bps: 20_000}];
    return [
      forbid(
        "a split above the whole",
        write(bodyOf(cheat, {kind: "open", locks: [{...spec, split}]}, network), cheat, network),
      ),
    ];
  },
  own("of an asset that nobody issued", (_, {victim}) => ({
    payload: giving("7".repeat(64) as AssetId, victim, 1n),
  })),
  own(`an asset issued ${UNDERPAID}`, () => ({payload: ISSUE})),
  issued("more units than there are", true, (id, {victim}) => giving(id, victim, 101n)),
  issued("units given and burned twice over", true, (id, {victim}) => {
    const {outputs, ...rest} = giving(id, victim, 60n);
    return {...rest, outputs, asset: {id, burn: 41n}};
  }),
  issued(`units given ${UNDERPAID}`, false, (id, {victim}) => giving(id, victim, 5n)),
  issued("a sale of more units than there are", true, (id, context) =>
    selling(context, {asset: id, amount: 101n}),
  ),
  issued("a sale of what is sold already", true, (id, context) => {
    const {sales} = selling(context, {asset: id, amount: 51n});
    return {kind: "open", locks: [], sales: [...sales, ...sales]};
  }),
  issued(`a sale ${UNDERPAID}`, false, (id, context) => selling(context, {asset: id, amount: 5n})),
  own("a sale of CTZ for CTZ", (network, context) => ({
    payload: selling(context, {asset: undefined, amount: 5n}),
    fee: 3n * network.opFee,
  })),
  // Nobody has a key to what the system moves.
  (context) => {
    const {cheat, network} = context;
    const payload = selling(context, {asset: undefined, amount: 500n}, "7".repeat(64) as AssetId);
    const opened = write({...bodyOf(cheat, payload, network), fee: 3n * network.opFee}, cheat, network);
    const claim = {kind: "claim", cumulative: 400n, voucher: undefined, isFinal: false} as const;
    const body = {...bodyOf(cheat, claim, network), ...FIRST, cell: lockIdOf(opened.id, 0)};
    return [{op: opened}, forbid("a claim on a sale lock", write(body, cheat, network))];
  },
  // Whose asset it is makes no difference: units are of who holds them.
  (context) => {
    const {cheat, accomplice, victim, network} = context;
    const {op, asset} = issueBy(accomplice, network);
    const body = {...bodyOf(cheat, giving(asset, victim, 1n), network), fee: 2n * network.opFee};
    return [{op}, forbid("units of somebody else", write(body, cheat, network))];
  },
  claiming("above its voucher", ({lockId, context}) =>
    claimOf(context, lockId, {signed: 500n, cumulative: PRICE}),
  ),
  claiming("a voucher of the payee's own", ({lockId, context: {accomplice, network}}) => {
    const voucher = signVoucher(
      {lockId, cumulative: PRICE, contextHash: MEMO},
      accomplice.signer,
      network.genesisHash,
    );
    return {kind: "claim", cumulative: PRICE, voucher, isFinal: false};
  }),
  claiming("a voucher of another lock", ({lockId, context}) => {
    const other = claimOf(context, NOWHERE as string as LockId, {signed: PRICE, cumulative: PRICE});
    return {...other, voucher: {...other.voucher!, lockId}};
  }),
  claiming("above the lock's amount", ({lockId, context}) =>
    claimOf(context, lockId, {signed: 9_000n, cumulative: 9_000n}),
  ),
  claiming("no voucher at all", () => ({
    kind: "claim",
    cumulative: 1_000n,
    voucher: undefined,
    isFinal: false,
  })),
  claiming(
    "paying no fee",
    ({lockId, context}) => claimOf(context, lockId, {signed: 900n, cumulative: 900n}),
    {fee: 0n},
  ),
  // 41 of these 50 would be the claimer's, and the fee is more.
  claiming("too small for its fee", ({lockId, context}) =>
    claimOf(context, lockId, {signed: 50n, cumulative: 50n}),
  ),
  claiming(
    "by somebody else",
    ({lockId, context}) => claimOf(context, lockId, {signed: 900n, cumulative: 900n}),
    {isByCheat: true},
  ),
  judged("with a verdict just below the quorum", {isBelow: true}),
  judged("with a verdict of an epoch that had no committee", {epoch: 0}),
  judged("with a verdict for another lock", {lockId: NOWHERE as string as LockId}),
  (context) => judged("with a verdict for another payee", {payee: context.victim.account})(context),
  judged("with a verdict on a lock that only its payer pays", {}, "payer"),
  judged("with a verdict about nothing", {amount: 0n}),
  // One task is awarded once, however often it is judged.
  (context) => {
    const {opened, lockId} = openLock(context, {authority: judgedBy(context)});
    const {accomplice, network} = context;
    const first = verdictClaim(context, lockId, {});
    const second = verdictClaim(context, lockId, {});
    if (first === undefined || second === undefined) return [];
    network.allow(lockId, AWARD);
    const body = {...bodyOf(accomplice, first.payload, network), ...first.validity, cell: lockId};
    const once = write({...body, ...FIRST}, accomplice, network);
    const isFinal = context.random.chance(0.5);
    const payload = {...second.payload, isFinal};
    const twice = write({...body, payload, seq: 2n, prev: once.id}, accomplice, network);
    return [{op: opened}, {op: once}, forbid("a task awarded twice", twice)];
  },
  // Stake that was asked back stands behind nothing new, and stake behind an accept does not leave.
  ({cheat, network}) => {
    const steps: Step[] = [];
    let slot = cheat.slot;
    const next = (payload: Payload, forbidden?: string) => {
      const body = {...bodyOf(cheat, payload, network), seq: slot.seq + 1n, prev: slot.head};
      const op = write(body, cheat, network);
      steps.push(forbidden === undefined ? {op} : {op, forbidden});
      slot = {seq: body.seq, head: op.id};
    };
    next({kind: "stake", stake: "executor", amount: 1_000n});
    next(accepting("a", 600n));
    next({kind: "unstake", stake: "executor", amount: 900n});
    next(accepting("b", 101n), "an accept above the stake");
    return steps;
  },
  ({cheat, network}) => {
    const stake: Payload = {kind: "stake", stake: "executor", amount: 500n};
    const first = write(bodyOf(cheat, stake, network), cheat, network);
    const body = {...bodyOf(cheat, accepting("a", 501n), network), seq: 2n, prev: first.id};
    return [{op: first}, forbid("an accept of more than is staked", write(body, cheat, network))];
  },
  claiming(
    "a clock that has not run so far",
    () => ({kind: "claim", cumulative: PRICE, voucher: undefined, isFinal: false}),
    {
      // So slow that no life is long enough.
      spec: (height) => ({authority: {kind: "clock", startH: height, perH: 1n}}),
    },
  ),
  // After the end that its payer gave notice of, a clock brings nothing; a notice of a later one changes nothing.
  (context) => {
    const {cheat, accomplice, network, height} = context;
    const {opened, lockId} = openLock(context, {authority: {kind: "clock", startH: height, perH: 60n}});
    const wishing = (endH: bigint): Payload => ({kind: "govern", wish: {kind: "notice", lockId, endH}});
    const first = {...bodyOf(cheat, wishing(height + 1n), network), seq: 2n, prev: opened.id};
    const notice = write(first, cheat, network);
    const again = {...first, seq: 3n, prev: notice.id, payload: wishing(height + 90n)};
    const claim = {kind: "claim", cumulative: PRICE, voucher: undefined, isFinal: false} as const;
    const late = {...bodyOf(accomplice, claim, network), ...FIRST, cell: lockId};
    return [
      ...[{op: opened}, {op: notice}, {op: write(again, cheat, network)}],
      {...forbid("a claim of a clock beyond its notice", write(late, accomplice, network)), after: notice.id},
    ];
  },
  // The payee itself is too late: on an expired lock only the system acts.
  (context) => {
    const expiryH = context.height + 3n;
    const {opened, lockId} = openLock(context, {expiryH});
    // Opened too late itself, it ends with what is visible: one bad witness's vote for what the payer did sign.
    context.network.allow(lockId, 900n);
    const late = claimOf(context, lockId, {signed: 900n, cumulative: 900n});
    const claim = write(
      {...bodyOf(context.cheat, late, context.network), cell: lockId},
      context.accomplice,
      context.network,
    );
    return [{op: opened}, {...forbid("after expiry", claim), fromHeight: expiryH + 1n}];
  },
  // After a final claim nothing is left.
  (context) => {
    const {opened, lockId} = openLock(context, {});
    const {accomplice, network} = context;
    network.allow(lockId, 1_000n);
    const last = {...claimOf(context, lockId, {signed: 500n, cumulative: 500n}), isFinal: true};
    const first = write({...bodyOf(accomplice, last, network), ...FIRST, cell: lockId}, accomplice, network);
    const more = claimOf(context, lockId, {signed: 1_000n, cumulative: 1_000n});
    const second = write(
      {...bodyOf(accomplice, more, network), cell: lockId, seq: 2n, prev: first.id},
      accomplice,
      network,
    );
    return [{op: opened}, {op: first}, forbid("after the final claim", second)];
  },
  // Two rising claims and a replayed lower one, on a lock that ends soon: what is certified must be paid.
  ...[0, 1, 2].map(
    (): Trick => (context) => {
      const {opened, lockId} = openLock(context, {expiryH: context.height + 4n});
      const {accomplice, network, random} = context;
      const steps: Step[] = [{op: opened}];
      let [seq, prev] = [0n, NO_OP];
      for (const cumulative of [333n, 777n, 1_111n, 1_555n]) {
        context.network.allow(lockId, cumulative);
        const payload = claimOf(context, lockId, {signed: cumulative, cumulative});
        seq += 1n;
        const op = write(
          {...bodyOf(accomplice, payload, network), cell: lockId, seq, prev},
          accomplice,
          network,
        );
        prev = op.id;
        steps.push({op, fromHeight: context.height + BigInt(random.int(4))});
      }
      return steps;
    },
  ),
];

export const FIRST = {seq: 1n, prev: NO_OP};

export function own(
  why: string,
  change: (network: Network, context: TrickContext) => Partial<OpBody>,
): Trick {
  return (context) => {
    const {cheat, victim, network} = context;
    const body = {...bodyOf(cheat, pay(victim, 9n), network), ...change(network, context)};
    return [forbid(why, write(body, cheat, network))];
  };
}

const ISSUE = {
  ...{kind: "issue", asset: "right", content: MEMO, supply: 100n, royaltyBps: 0},
} as const satisfies Payload;

function giving(id: AssetId, to: Owner, amount: bigint) {
  const outputs = [{to: to.account, amount}];
  return {kind: "transfer" as const, outputs, memo: MEMO, asset: {id, burn: 0n}};
}

/** For CTZ, unless told otherwise. */
function selling({cheat, height}: TrickContext, gives: Lot, wanted?: AssetId) {
  const wants = {asset: wanted, amount: 1n};
  const sale: SaleSpec = {gives, wants, only: undefined, expiryH: height + 9n, refundTo: cheat.account};
  return {kind: "open" as const, locks: [], sales: [sale]};
}

function issueBy(owner: Owner, network: Network): {readonly op: Op; readonly asset: AssetId} {
  const op = write({...bodyOf(owner, ISSUE, network), fee: 3n * network.opFee}, owner, network);
  return {op, asset: assetIdOf(op.id)};
}

/** The cheat issues a hundred units, and does with them what it may not, for a fee that is enough or not. */
function issued(
  why: string,
  isPaid: boolean,
  payloadOf: (asset: AssetId, context: TrickContext) => Payload,
): Trick {
  return (context) => {
    const {cheat, network} = context;
    const {op, asset} = issueBy(cheat, network);
    const fee = network.opFee * (isPaid ? 5n : 1n);
    const next = {...bodyOf(cheat, payloadOf(asset, context), network), seq: 2n, prev: op.id, fee};
    return [{op}, forbid(why, write(next, cheat, network))];
  };
}

type ClaimPayload = Extract<Payload, {kind: "claim"}>;

/** The cheat opens a lock to its accomplice, who claims what it may not. */
export function claiming(
  why: string,
  payloadOf: (parts: {lockId: LockId; context: TrickContext}) => ClaimPayload,
  options: {fee?: bigint; isByCheat?: true; spec?: (height: bigint) => Partial<LockSpec>} = {},
): Trick {
  return (context) => {
    const {cheat, accomplice, network, height} = context;
    const {opened, lockId} = openLock(context, options.spec?.(height) ?? {});
    const payload = payloadOf({lockId, context});
    const body = {...bodyOf(accomplice, payload, network), ...FIRST, cell: lockId};
    const fee = options.fee ?? body.fee;
    const op = write({...body, fee}, options.isByCheat === true ? cheat : accomplice, network);
    return [{op: opened}, forbid(`a claim ${why}`, op)];
  };
}

/** For longer than any simulation. */
function accepting(lock: string, value: bigint): Payload {
  return {kind: "accept", lockId: lock.repeat(64) as LockId, value, untilH: 1_000n};
}

const AWARD = 700n;
const TASK = "9".repeat(64) as Hash;

function judgedBy({cheat}: TrickContext): LockSpec["authority"] {
  return {kind: "payerOrCommittee", key: cheat.signer.publicKey};
}

function verdictClaim({accomplice, network}: TrickContext, lockId: LockId, change: Partial<Judging>) {
  const award = {taskId: TASK, amount: AWARD, base: 0n};
  const verdict = network.judge({...award, lockId, payee: accomplice.account, ...change});
  if (verdict === undefined) return undefined;
  const payload: ClaimPayload = {kind: "claim", cumulative: 0n, voucher: undefined, verdict, isFinal: false};
  return {
    payload,
    validity: {validFromEpoch: verdict.epoch, validUntilEpoch: verdict.epoch + VERDICT_EPOCHS},
  };
}

function judged(why: string, change: Partial<Judging>, authority?: "payer"): Trick {
  return (context) => {
    const {accomplice, network} = context;
    const {opened, lockId} = openLock(context, authority === "payer" ? {} : {authority: judgedBy(context)});
    const claim = verdictClaim(context, lockId, change);
    if (claim === undefined) return [];
    const body = {...bodyOf(accomplice, claim.payload, network), ...FIRST, ...claim.validity, cell: lockId};
    return [{op: opened}, forbid(`a claim ${why}`, write(body, accomplice, network))];
  };
}

export function openLock(context: TrickContext, change: Partial<LockSpec>): {opened: Op; lockId: LockId} {
  const {cheat, network} = context;
  const payload: Payload = {kind: "open", locks: [specOf(context, change)]};
  const opened = write(bodyOf(cheat, payload, network), cheat, network);
  return {opened, lockId: lockIdOf(opened.id, 0)};
}

function specOf(
  {cheat, accomplice, height}: Pick<TrickContext, "cheat" | "accomplice" | "height">,
  change: Partial<LockSpec>,
): LockSpec {
  return {
    controller: accomplice.account,
    controllerKey: accomplice.signer.publicKey,
    amount: PRICE,
    tag: MEMO,
    authority: {kind: "payer", key: cheat.signer.publicKey},
    split: [
      {target: {kind: "cell", cell: accomplice.account}, bps: 8_333},
      {target: {kind: "burn"}, bps: 667},
      {target: {kind: "cell", cell: cheat.account}, bps: 1_000},
    ],
    expiryH: height + 100n,
    refundTo: cheat.account,
    ...change,
  };
}

export function claimOf(
  {cheat, network}: TrickContext,
  lockId: LockId,
  {signed, cumulative}: {readonly signed: bigint; readonly cumulative: bigint},
): ClaimPayload {
  const voucher = signVoucher(
    {lockId, cumulative: signed, contextHash: MEMO},
    cheat.signer,
    network.genesisHash,
  );
  return {kind: "claim", cumulative, voucher, isFinal: false};
}

/** At the first slot of a cheat's own log; a victim's next one. */
export function bodyOf(owner: Owner, payload: Payload, {id, opFee, fromEpoch}: Network): OpBody {
  const {seq, head} = owner.slot;
  return {
    version: 1,
    network: id,
    cell: owner.account as CellId,
    seq: seq + 1n,
    prev: head,
    validFromEpoch: fromEpoch,
    validUntilEpoch: 1_000_000,
    fee: opFee,
    deps: [],
    payload,
  };
}

export function write(body: OpBody, signer: Owner, network: Network): Op {
  return signOp(body, signer.signer, network.genesisHash);
}

function pay(to: Owner, amount: bigint): Payload {
  return {kind: "transfer", outputs: [{to: to.account, amount}], memo: MEMO};
}

export function forbid(forbidden: string, op: Op): Step {
  return {op, forbidden};
}
