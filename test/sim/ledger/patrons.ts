/**
 * Who sets bounties and posts bonds, and judges those of others: fairly, in two ways at once, or never. A lock is
 * judged by one, or by any two of three.
 */
import type {Authority, LockSpec, Op, Payload, Payout, SplitTarget} from "@catalyze/core/ledger/op";
import {addSignature, lockIdOf, NO_OP} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {Network, Owner} from "./owners.ts";

const MEMO = "0".repeat(64) as Hash;
const BURN = {kind: "burn"} as const;
const TREASURY = {kind: "treasury"} as const;

export const STANCES = ["fair", "fair", "double", "silent"] as const;
export type Stance = (typeof STANCES)[number];

type Judged = {
  readonly id: LockId;
  readonly amount: bigint;
  readonly payees: readonly SplitTarget[];
  readonly others: readonly Owner[];
  /** What the judge has written so far. */
  slot: Owner["slot"];
  drawn: bigint;
  isFinal: boolean;
};

type Sight = {
  readonly height: bigint;
  readonly view: LedgerState;
  readonly patrons: readonly Patron[];
  readonly owners: readonly Owner[];
};

export class Patron {
  readonly owner: Owner;
  readonly stance: Stance;
  readonly #network: Network;
  readonly #judged: Judged[] = [];

  constructor(owner: Owner, stance: Stance, network: Network) {
    this.owner = owner;
    this.stance = stance;
    this.#network = network;
  }

  get isHonest(): boolean {
    return this.stance !== "double";
  }

  act(random: SeededRandom, sight: Sight): Op[] {
    const {view, height} = sight;
    const own = this.#judged.find(({id, isFinal}) => !isFinal && view.lock(id)?.isClosed === false);
    if (own !== undefined && this.stance !== "silent" && random.chance(0.75)) {
      if (this.stance === "double") return this.#judgeTwice(random, own, view);
      return [this.#judge(random, own)];
    }
    return random.chance(0.7) ? [this.#sponsor(random, sight, height)] : [];
  }

  /** A bounty for anybody, or a bond that pays few and goes back if nobody judges it. */
  #sponsor(random: SeededRandom, {patrons, owners}: Sight, height: bigint): Op {
    const judge = random.pick(patrons);
    const others = patrons.filter((each) => each !== judge).map(({owner}) => owner);
    const isPanel = random.chance(0.3) && others.length >= 2;
    const beside = isPanel ? random.shuffle(others).slice(0, 2) : [];
    const isBounty = random.chance(0.5);
    const insured: SplitTarget = {kind: "cell", cell: random.pick(owners).account};
    const anybody = owners.map(({account}): SplitTarget => ({kind: "cell", cell: account}));
    const authority: Authority = {
      kind: "controller",
      payees: isBounty ? undefined : [BURN, TREASURY, insured],
      threshold: isPanel ? 2 : 1,
      beside: beside.map(({signer}) => signer.publicKey),
    };
    const spec: LockSpec = {
      ...{controller: judge.owner.account, controllerKey: judge.owner.signer.publicKey},
      ...{amount: BigInt(900 + random.int(3_000)), tag: MEMO, authority, split: []},
      // Some expire while their judge writes.
      ...{expiryH: height + BigInt(2 + random.int(7)), refundTo: this.owner.account},
    };
    const op = this.owner.write({kind: "open", locks: [spec]});
    const {amount} = spec;
    judge.#judged.push({
      ...{id: lockIdOf(op.id, 0), amount, others: beside, slot: {seq: 0n, head: NO_OP}, drawn: 0n},
      ...{payees: isBounty ? [...anybody, BURN] : [BURN, TREASURY, insured], isFinal: false},
    });
    return op;
  }

  /** On top of all that it has written, certified or not. */
  #judge(random: SeededRandom, lock: Judged): Op {
    const left = lock.amount - lock.drawn - this.#network.opFee;
    const least = this.#network.opFee;
    const isLast = left < 3n * least || random.chance(0.15);
    const payouts: Payout[] = [];
    for (let rest = left; rest >= least && payouts.length < 3; ) {
      // All of it now and then.
      const amount = random.chance(0.2) ? rest : least + BigInt(random.int(Number(rest - least) / 2 + 1));
      payouts.push({to: random.pick(lock.payees), amount});
      rest -= amount;
      if (random.chance(0.6)) break;
    }
    return this.#claim(random, lock, payouts, isLast || payouts.length === 0);
  }

  /** Two claims for one slot, above what is certified. */
  #judgeTwice(random: SeededRandom, lock: Judged, view: LedgerState): Op[] {
    const cell = view.lock(lock.id);
    if (cell === undefined || cell.frozen !== undefined) return [];
    const standing = {slot: {seq: cell.seq, head: cell.head}, drawn: cell.drawn, isFinal: false};
    const [one, other] = [
      {...lock, ...standing},
      {...lock, ...standing},
    ];
    return [this.#judge(random, one), this.#judge(random, other)];
  }

  #claim(random: SeededRandom, lock: Judged, payouts: readonly Payout[], isFinal: boolean): Op {
    const fee = payouts.length === 0 ? 0n : this.#network.opFee;
    const cumulative = payouts.reduce((sum, {amount}) => sum + amount, lock.drawn + fee);
    const claim = {kind: "claim", cumulative, voucher: undefined, isFinal} as const;
    const payload: Payload = payouts.length === 0 ? claim : {...claim, payouts};
    const op = this.owner.writeAt(lock.id, lock.slot, payload, fee);
    lock.slot = {seq: op.body.seq, head: op.id};
    lock.drawn = cumulative;
    lock.isFinal = isFinal;
    // Of a panel whoever is at hand signs too.
    if (lock.others.length === 0) return op;
    return addSignature(op, random.pick(lock.others).signer, this.#network.genesisHash);
  }
}
