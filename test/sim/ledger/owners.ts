/** Owners of accounts in a simulated ledger: they pay, open locks, claim; one of them may equivocate. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {debitOf} from "@catalyze/core/ledger/apply";
import {unitsTakenBy} from "@catalyze/core/ledger/assets";
import type {AccountCell} from "@catalyze/core/ledger/cell";
import type {Awarded, Op, OpBody, Payload, SaleSpec, SplitTarget, Verdict} from "@catalyze/core/ledger/op";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import {lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {VERDICT_EPOCHS} from "@catalyze/core/ledger/params";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import type {Signer} from "@catalyze/core/ports/signer";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, CellId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {Judging} from "./judges.ts";

const MEMO = "0".repeat(64) as Hash;
const NO_SEED = "7".repeat(64) as AssetId;
const EPOCHS_AHEAD = 1_000_000;
/** µCTZ of each checkpoint that a clock lock pays. */
const CLOCK_RATE = 300n;

export type Network = {
  readonly id: number;
  readonly genesisHash: Uint8Array;
  /** Enough for the next op, µCTZ. */
  readonly opFee: bigint;
  /** Less is never enough. */
  readonly feeMin: bigint;
  /** First epoch in which the next op counts. */
  readonly fromEpoch: number;
  /** Told how far an authority's signature lets a lock go. */
  readonly allow: (lock: CellId, cumulative: bigint) => void;
  /** What the committee of now says of a task; nothing while nobody knows who that is. */
  readonly judge: (judging: Judging) => Verdict | undefined;
};

/** What an owner sees of the ledger when it acts. */
export type Sight = {
  readonly height: bigint;
  readonly account: AccountCell | undefined;
  /** Certified units of assets that the account holds. */
  readonly units: () => readonly {readonly asset: AssetId; readonly units: bigint}[];
  /** Certified. */
  readonly assets: () => readonly AssetId[];
  /** Those of them that are seeds. */
  readonly seeds: () => readonly AssetId[];
  /** µCTZ that the account's units of a seed have earned. */
  readonly dueOf: (seed: AssetId) => bigint;
  /** Where the clock of a lock stops. */
  readonly endOf: (lock: CellId) => bigint | undefined;
};

type Units = ReturnType<Sight["units"]>;
type AccountPayload = Exclude<Payload, {kind: "claim"}>;
type Claim = Extract<Payload, {kind: "claim"}>;

type OpenLock = {
  readonly id: LockId;
  readonly payer: Owner;
  readonly amount: bigint;
  /** All that is owed: every task once. */
  drawn: bigint;
  isFinal: boolean;
  readonly isJudged: boolean;
  /** Height from which on it pays `CLOCK_RATE` a checkpoint. */
  readonly startH: bigint | undefined;
  vouchered: bigint;
  /** The last task that a committee judged. */
  award: Awarded | undefined;
};

export class Owner {
  readonly account: AccountId;
  readonly signer: Signer;
  readonly isHonest: boolean;
  readonly #network: Network;
  /** By cell: the account's own log, and those of the locks that this owner controls. */
  readonly #slots = new Map<CellId, {seq: bigint; head: OpId}>();
  readonly #staked = {witness: 0n, executor: 0n};
  /** What this owner's ops cost, by their number: those that the ledger does not show yet are spent too. */
  readonly #costs = new Map<bigint, bigint>();
  /** Units that it gave away or burned, by the number of the op. */
  readonly #gave = new Map<bigint, ReadonlyMap<AssetId, bigint>>();
  readonly locks: OpenLock[] = [];
  /** What may still be on its way. */
  #signed: Op[] = [];
  /** The last lock of its own with a clock. */
  #retained: LockId | undefined;
  readonly #genesisBalance: bigint;
  /** Decides about seeds and nothing else. */
  readonly #royalties: SeededRandom;
  /** Number of the last op that harvested. */
  #harvestSeq = 0n;

  constructor(
    signer: Signer,
    network: Network,
    options: {readonly balance: bigint; readonly isHonest: boolean; readonly royalties: SeededRandom},
  ) {
    this.signer = signer;
    this.account = accountIdOf(signer.publicKey);
    this.#network = network;
    this.#genesisBalance = options.balance;
    this.isHonest = options.isHonest;
    this.#royalties = options.royalties;
  }

  /** The last op of its own account. */
  get slot(): {readonly seq: bigint; readonly head: OpId} {
    return this.#slots.get(this.account) ?? {seq: 0n, head: NO_OP};
  }

  /** What it held in the beginning. */
  get endowment(): bigint {
    return this.#genesisBalance;
  }

  /** What it does next, and what it does about its seeds. */
  act(random: SeededRandom, others: readonly Owner[], sight: Sight): Op[] {
    const ops = this.#deal(random, others, sight);
    return this.isHonest ? [...ops, ...this.#tend(sight)] : ops;
  }

  /** Takes what its units have earned, now and then where that is nothing; or says what a seed, perhaps another's, should earn. */
  #tend(sight: Sight): Op[] {
    const chance = this.#royalties;
    const seeds = sight.seeds();
    const due = seeds.find((each) => sight.dueOf(each) > 0n);
    if (seeds.length === 0 || !chance.chance(due === undefined ? 0.08 : 0.3)) return [];
    const isFunded = this.#spendable(sight) >= this.#network.opFee;
    if (chance.chance(0.2)) {
      const wish = {kind: "rate", asset: chance.pick(seeds), royaltyBps: chance.int(10_001)} as const;
      return isFunded ? [this.#write(this.account, {kind: "govern", wish})] : [];
    }
    const asset = due ?? chance.pick(seeds);
    // What is due pays the fee, when no harvest before this one takes it.
    const isPending = this.#harvestSeq > (sight.account?.seq ?? 0n);
    const brought = isPending ? 0n : sight.dueOf(asset);
    if (this.#spendable(sight) + brought < this.#network.opFee) return [];
    const op = this.#write(this.account, {kind: "harvest", asset});
    this.#harvestSeq = op.body.seq;
    return [op];
  }

  /** One next op; a cheat signs two for one slot, or spends what it has not. Empty when there is nothing to do. */
  #deal(random: SeededRandom, others: readonly Owner[], sight: Sight): Op[] {
    if (!this.isHonest && random.chance(0.3)) {
      const [left, right] = [random.pick(others), random.pick(others)];
      const slot = this.slot;
      const one = this.#write(this.account, transfer(left.account, 5n));
      this.#slots.set(this.account, slot);
      return [one, this.#write(this.account, transfer(right.account, 7n))];
    }
    if (!this.isHonest && random.chance(0.1)) {
      // More than anyone ever had. What rests on it is stuck too: the cheat's own problem.
      return [this.#write(this.account, transfer(random.pick(others).account, 10_000_000n))];
    }
    const lock = this.locks.find(({isFinal}) => !isFinal);
    if (lock !== undefined && random.chance(0.5)) return this.#claim(lock, random, sight);
    const left = this.#spendable(sight) - this.#network.opFee;
    if (random.chance(0.1)) return this.#stake(random, left);
    if (this.#retained !== undefined && left >= 0n && random.chance(0.1))
      return [this.#notice(this.#retained, sight.height + BigInt(random.int(6)))];
    if (random.chance(0.2)) return this.#trade(random, others, sight);
    if (random.chance(0.25)) return this.#open(random.pick(others), random, {sight, left});
    return this.#spend(random, others, left);
  }

  #spend(random: SeededRandom, others: readonly Owner[], left: bigint): Op[] {
    if (left <= 0n) return [];
    // All of it now and then: then the payment rests on every credit before it.
    const some = BigInt(1 + random.int(2_000));
    const amount = some < left && random.chance(0.7) ? some : left > 5_000n ? 5_000n : left;
    if (random.chance(0.05)) return [this.#write(this.account, {kind: "stake", stake: "curate", amount})];
    if (random.chance(0.05)) {
      const address = new Uint8Array(20).fill(1 + random.int(3));
      return [this.#write(this.account, {kind: "withdraw", amount, address})];
    }
    // Anybody may credit an account under the id of a lock; nobody ever has its key.
    const to = random.chance(0.04) ? this.locks.at(-1)?.id : undefined;
    return [this.#write(this.account, transfer(to ?? random.pick(others).account, amount))];
  }

  /** Issues an asset, or gives away and burns of what it holds. */
  #trade(random: SeededRandom, others: readonly Owner[], sight: Sight): Op[] {
    const held = sight.units().flatMap(({asset, units}) => {
      const left = units - this.#givenSince(asset, sight.account?.seq ?? 0n);
      return left > 0n ? [{asset, units: left}] : [];
    });
    const payload = this.#tradeOf(random, others, {held, sight});
    const cost = debitOf(payload) + feeOf(payload, this.#network.opFee);
    return this.#spendable(sight) < cost ? [] : [this.#write(this.account, payload)];
  }

  #tradeOf(
    random: SeededRandom,
    others: readonly Owner[],
    {held, sight}: {readonly held: Units; readonly sight: Sight},
  ): AccountPayload {
    // Few at a time, so that sellers and buyers meet.
    const wanted = sight.assets().slice(0, 2);
    if (wanted.length > 0 && random.chance(0.7)) {
      const own = held.find(({asset}) => wanted.includes(asset));
      const isAsk = own !== undefined && random.chance(0.5);
      const [asset, unitsMax] = isAsk ? [own.asset, own.units] : [random.pick(wanted), 30n];
      const lot = {asset, units: 1n + BigInt(random.int(Number(unitsMax < 30n ? unitsMax : 30n)))};
      return {
        kind: "open",
        locks: [],
        sales: [this.#saleOf(random, others, {lot, isAsk, height: sight.height})],
      };
    }
    return held.length === 0 || random.chance(0.2) ? issueOf(random) : giveOf(random, others, held);
  }

  /** About ten µCTZ a unit, so that many fit and many do not. */
  #saleOf(
    random: SeededRandom,
    others: readonly Owner[],
    {lot, isAsk, height}: {lot: Units[number]; isAsk: boolean; height: bigint},
  ): SaleSpec {
    const units = {asset: lot.asset, amount: lot.units};
    const money = {asset: undefined, amount: lot.units * BigInt(8 + random.int(5))};
    const [gives, wants] = isAsk ? [units, money] : [money, units];
    return {
      gives,
      wants: random.chance(0.5) ? {...wants, amount: 1n} : wants,
      only: random.chance(0.1) ? random.pick(others).account : undefined,
      // Some are late before they open.
      expiryH: 1n + height + BigInt(random.int(12)),
      refundTo: random.chance(0.2) ? random.pick(others).account : this.account,
    };
  }

  #givenSince(asset: AssetId, seq: bigint): bigint {
    let given = 0n;
    for (const [at, gave] of this.#gave) if (at > seq) given += gave.get(asset) ?? 0n;
    return given;
  }

  /** The next op of the account, whatever it does. */
  write(payload: Payload): Op {
    return this.#write(this.account, payload);
  }

  /** The op of a cell that it controls after this one, whatever it wrote there before. */
  writeAt(cell: CellId, slot: Owner["slot"], payload: Payload, fee: bigint): Op {
    this.#slots.set(cell, slot);
    return this.#write(cell, payload, fee);
  }

  /** As a wallet does it: what a vote has made too cheap never counts, nor what rests on it. Their ids. */
  dropUnpaid(state: LedgerState, isPaid: (op: Op) => boolean): OpId[] {
    const headOf = ({body: {cell}}: Op) => (state.account(cell) ?? state.lock(cell))?.seq ?? 0n;
    this.#signed = this.#signed.filter((op) => op.body.seq > headOf(op));
    const dropped: OpId[] = [];
    for (const dead of this.#signed.filter((op) => !isPaid(op))) {
      const {cell, seq, prev} = dead.body;
      const isGone = (op: Op) => op.body.cell === cell && op.body.seq >= seq;
      const gone = this.#signed.filter(isGone);
      if (gone.length === 0) continue;
      for (const {id, body} of gone) {
        dropped.push(id);
        if (cell !== this.account) continue;
        this.#costs.delete(body.seq);
        this.#gave.delete(body.seq);
      }
      this.#signed = this.#signed.filter((op) => !isGone(op));
      this.#slots.set(cell, {seq: seq - 1n, head: prev});
    }
    return dropped;
  }

  /** A cheat whose log stands still goes on where the ledger is: its dead slots are void by then. */
  lookAt(view: LedgerState): void {
    const cell = view.account(this.account);
    if (cell !== undefined) this.#slots.set(this.account, {seq: cell.seq, head: cell.head});
  }

  #notice(lockId: LockId, endH: bigint): Op {
    return this.#write(this.account, {kind: "govern", wish: {kind: "notice", lockId, endH}});
  }

  #stake(random: SeededRandom, left: bigint): Op[] {
    const stake = random.pick(["witness", "executor"] as const);
    if (stake === "executor" && this.#staked.executor > 0n && random.chance(0.4))
      return this.#accept(random, left);
    if (this.#staked[stake] > 0n && random.chance(0.6)) {
      const amount = 1n + BigInt(random.int(Number(this.#staked[stake])));
      this.#staked[stake] -= amount;
      return left < 0n ? [] : [this.#write(this.account, {kind: "unstake", stake, amount})];
    }
    const amount = BigInt(1 + random.int(3_000));
    if (left < amount) return [];
    this.#staked[stake] += amount;
    return [this.#write(this.account, {kind: "stake", stake, amount})];
  }

  /** What is accepted once is never asked back: how much of that is free again is the ledger's to say. */
  #accept(random: SeededRandom, left: bigint): Op[] {
    const lockId = this.locks.at(-1)?.id;
    if (lockId === undefined || left < 0n) return [];
    const value = 1n + BigInt(random.int(Number(this.#staked.executor)));
    this.#staked.executor -= value;
    const untilH = BigInt(random.int(40));
    return [this.#write(this.account, {kind: "accept", lockId, value, untilH})];
  }

  #spendable({account}: Sight): bigint {
    const seq = account?.seq ?? 0n;
    let left = account === undefined ? 0n : account.in - account.out;
    for (const [at, cost] of this.#costs) if (at > seq) left -= cost;
    return left;
  }

  #open(
    payee: Owner,
    random: SeededRandom,
    {sight, left}: {readonly sight: Sight; readonly left: bigint},
  ): Op[] {
    const {height} = sight;
    const amount = BigInt(1_000 + random.int(5_000));
    if (left < amount) return [];
    const isJudged = random.chance(0.4);
    const isClock = !isJudged && random.chance(0.3);
    const key = this.signer.publicKey;
    const op = this.#write(this.account, {
      kind: "open",
      locks: [
        {
          controller: payee.account,
          controllerKey: payee.signer.publicKey,
          amount,
          tag: MEMO,
          authority: isClock
            ? {kind: "clock", startH: height, perH: CLOCK_RATE}
            : {kind: isJudged ? "payerOrCommittee" : "payer", key},
          // Nothing divides evenly.
          split: [
            {target: {kind: "cell", cell: payee.account}, bps: 8_333},
            {target: {kind: "burn"}, bps: 367},
            {target: this.#creditOf(sight), bps: 300},
            {target: {kind: "cell", cell: this.account}, bps: 1_000},
          ],
          // Some expire while claims are under way.
          expiryH: height + BigInt(12 + random.int(8)),
          refundTo: this.account,
        },
      ],
    });
    const startH = isClock ? height : undefined;
    const lock = {id: lockIdOf(op.id, 0), payer: this, amount, isJudged, startH};
    if (isClock) this.#retained = lock.id;
    payee.locks.push({...lock, drawn: 0n, isFinal: false, vouchered: 0n, award: undefined});
    return [op];
  }

  /** Most locks pay for a seed, some for a right, or for what nobody issued. */
  #creditOf(sight: Sight): SplitTarget {
    const chance = this.#royalties;
    if (chance.chance(0.3)) return {kind: "treasury"};
    const assets = chance.chance(0.1) ? sight.assets() : sight.seeds().slice(0, 3);
    return {kind: "pot", seed: assets.length === 0 ? NO_SEED : chance.pick(assets)};
  }

  #draw(lock: OpenLock, startH: bigint, {height, endOf}: Sight): Op[] {
    const endH = endOf(lock.id);
    if (endH === undefined) return [];
    const brought = CLOCK_RATE * ((height < endH ? height : endH) - startH);
    const cumulative = brought < lock.amount ? brought : lock.amount;
    if (cumulative < lock.drawn + CLOCK_RATE) return [];
    lock.drawn = cumulative;
    lock.isFinal = height >= endH || cumulative === lock.amount;
    return [this.#write(lock.id, {kind: "claim", cumulative, voucher: undefined, isFinal: lock.isFinal})];
  }

  #claim(lock: OpenLock, random: SeededRandom, sight: Sight): Op[] {
    if (lock.startH !== undefined) return this.#draw(lock, lock.startH, sight);
    const rest = lock.amount - lock.drawn;
    lock.isFinal = rest < 800n || random.chance(0.3);
    const cumulative =
      lock.isFinal && random.chance(0.5) ? lock.amount : lock.drawn + 300n + BigInt(random.int(200));
    if (cumulative > lock.amount) return [];
    const claim = lock.isJudged && random.chance(0.5) ? this.#judged(lock, cumulative, random) : undefined;
    lock.drawn = cumulative;
    this.#network.allow(lock.id, cumulative);
    if (claim !== undefined) return [this.#write(lock.id, {...claim, isFinal: lock.isFinal})];
    lock.vouchered = cumulative;
    // What was judged before is covered by now: judged and claimed again it adds nothing.
    const again = lock.award !== undefined && random.chance(0.3) ? this.#judge(lock, lock.award) : undefined;
    const voucher = this.#voucher(lock);
    const payload = {kind: "claim", cumulative, voucher, isFinal: lock.isFinal} as const;
    return [this.#write(lock.id, again === undefined ? payload : {...payload, verdict: again})];
  }

  /** The payer owes one more task, and does not say so. */
  #judged(lock: OpenLock, cumulative: bigint, random: SeededRandom): Claim | undefined {
    const taskId = toHex(random.bytes(32)) as Hash;
    const award = {taskId, amount: cumulative - lock.drawn, base: lock.vouchered};
    const verdict = this.#judge(lock, award);
    if (verdict === undefined) return undefined;
    lock.award = award;
    const isBare = random.chance(0.5);
    return {
      kind: "claim",
      cumulative: isBare ? 0n : lock.vouchered,
      voucher: isBare ? undefined : this.#voucher(lock),
      verdict,
      isFinal: false,
    };
  }

  #judge({id}: OpenLock, award: Awarded): Verdict | undefined {
    return this.#network.judge({...award, lockId: id, payee: this.account});
  }

  #voucher({id, payer, vouchered}: OpenLock) {
    const body = {lockId: id, cumulative: vouchered, contextHash: MEMO};
    return signVoucher(body, payer.signer, this.#network.genesisHash);
  }

  #write(cell: CellId, payload: Payload, fee = feeOf(payload, this.#network.opFee)): Op {
    const slot = this.#slots.get(cell) ?? {seq: 0n, head: NO_OP};
    const body: OpBody = {
      version: 1,
      network: this.#network.id,
      cell,
      seq: slot.seq + 1n,
      prev: slot.head,
      ...validityOf(payload, this.#network.fromEpoch),
      fee,
      deps: [],
      payload,
    };
    const op = signOp(body, this.signer, this.#network.genesisHash);
    this.#slots.set(cell, {seq: body.seq, head: op.id});
    this.#signed.push(op);
    if (payload.kind === "claim") return op;
    this.#costs.set(body.seq, debitOf(payload) + body.fee);
    this.#gave.set(body.seq, unitsTakenBy(payload));
    return op;
  }
}

function validityOf(payload: Payload, fromEpoch: number): Pick<OpBody, "validFromEpoch" | "validUntilEpoch"> {
  const judged = payload.kind === "claim" ? payload.verdict?.epoch : undefined;
  if (judged === undefined) return {validFromEpoch: fromEpoch, validUntilEpoch: EPOCHS_AHEAD};
  return {validFromEpoch: judged, validUntilEpoch: judged + VERDICT_EPOCHS};
}

function issueOf(random: SeededRandom): AccountPayload {
  const isSeed = random.chance(0.5);
  return {
    ...{kind: "issue", asset: isSeed ? "seed" : "right", content: toHex(random.bytes(32)) as Hash},
    ...{supply: BigInt(1 + random.int(900)), royaltyBps: isSeed ? random.int(1_000) : 0},
  };
}

function giveOf(random: SeededRandom, others: readonly Owner[], held: Units): AccountPayload {
  const {asset: id, units} = random.pick(held);
  // All of it now and then: then it rests on every credit before.
  const amount = random.chance(0.3) ? units : 1n + BigInt(random.int(Number(units)));
  const burn = random.chance(0.2) ? amount : 0n;
  const outputs = burn > 0n ? [] : [{to: random.pick(others).account, amount}];
  return {kind: "transfer", outputs, memo: MEMO, asset: {id, burn}};
}

function transfer(to: AccountId, amount: bigint): Payload {
  return {kind: "transfer", outputs: [{to, amount}], memo: MEMO};
}
