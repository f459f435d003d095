/**
 * A second opinion on the money: the plainest possible bank, fed with the ops of each final checkpoint. It
 * shares no code with the ledger, so a rule that the ledger lost shows as another balance.
 */
import type {LockCell} from "@catalyze/core/ledger/cell";
import type {Awarded, LockSpec, Op, SplitTarget, StakeKind} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {CellId} from "@catalyze/core/primitives/id";
import type {Assembly, Stakes} from "./assembly.ts";
import {BankAccepts} from "./bankAccepts.ts";
import {BankAssets, cellsPaidBy} from "./bankAssets.ts";
import {isFree, paidByJudge} from "./bankFree.ts";
import {BankRoyalties} from "./bankRoyalties.ts";
import {BankSales, type Till} from "./bankSales.ts";

type BankLock = {
  readonly spec: LockSpec;
  /** Every voucher and every verdict that was claimed. */
  readonly vouchers: bigint[];
  readonly verdicts: Awarded[];
  readonly payer: CellId;
  /** Where its clock stops. */
  endH: bigint;
  expiryH: bigint;
  drawn: bigint;
  isClosed: boolean;
  closedH?: bigint;
};

export type BankRules = {
  readonly opFee: bigint;
  /** Says which fee is in force, and what votes do with money; without it nothing ever changes. */
  readonly assembly?: Assembly;
  readonly checkpointsPerEpoch: number;
  /** Weight in µCTZ that the genesis gave to these accounts. */
  readonly granted: ReadonlyMap<CellId, bigint>;
  /** µCTZ that the claim which drew a lock so far paid. */
  readonly claimFee: (lock: CellId, drawn: bigint) => bigint;
  /** The most that a lock's authority ever signed for, or that its clock has brought when it ran until then. */
  readonly allowed: (lock: CellId, spec: LockSpec, until: bigint) => bigint;
  /** Heights from the end of a clock by notice to the lock's expiry. */
  readonly marginH: bigint;
  /** Heights for which stake cools that is taken back in this epoch. */
  readonly coolingH: (epoch: number) => bigint;
  /** Owners who sign two ops for one slot: only they may lose a fine. */
  readonly isCheat: (account: CellId) => boolean;
};

type Stake = {readonly cell: CellId; readonly kind: StakeKind};
type CoolingStake = Stake & {readonly amount: bigint; readonly matureH: bigint; readonly sinceH: bigint};

/** Fees of a slot that its owner signed twice. */
const FINE_FEES = 10n;

export class Bank {
  readonly #rules: BankRules;
  readonly #balances: Map<CellId, bigint>;
  /** By account and kind. */
  readonly #staked = new Map<string, Stake & {amount: bigint}>();
  #cooling: readonly CoolingStake[] = [];
  readonly #locks = new Map<CellId, BankLock>();
  readonly #assets = new BankAssets();
  readonly #sales = new BankSales();
  readonly #royalties = new BankRoyalties();
  readonly #accepts = new BankAccepts((lock) => this.#locks.get(lock)?.closedH);
  readonly #convicted = new Map<CellId, bigint>();
  readonly #seatLostH = new Map<CellId, bigint>();
  #burned = 0n;
  #withdrawn = 0n;
  #treasury = 0n;
  #height = 0n;
  #waiting = new Map<bigint, readonly Op[]>();
  /** Of free locks: what judges paid, and how often one beyond its time was found open, or frozen. */
  readonly free = {payouts: 0, waits: 0, freezes: 0};

  constructor(accounts: readonly {readonly id: CellId; readonly balance: bigint}[], rules: BankRules) {
    this.#rules = rules;
    this.#balances = new Map(accounts.map(({id, balance}) => [id, balance]));
  }

  /** What a checkpoint applied; a node may adopt several before its state can be looked at. */
  note(height: bigint, ops: readonly Op[]): void {
    if (height > this.#height && !this.#waiting.has(height)) this.#waiting.set(height, ops);
  }

  /** Throws when this state at this height is not what the ops make of the genesis. */
  compare(height: bigint, state: LedgerState): void {
    if (height <= this.#height) return;
    this.#noteLostSeats(state);
    for (let at = this.#height + 1n; at <= height; at += 1n) {
      this.#height = at;
      this.#mature();
      for (const op of this.#waiting.get(at) ?? []) this.#apply(op);
      for (const [id, lock] of this.#locks) this.#expire(id, lock, state);
      this.#sales.settle(at, state, (id) => this.#till(id));
      for (const op of this.#waiting.get(at) ?? []) this.#order(op);
      for (const op of this.#waiting.get(at) ?? []) this.#notice(op);
      if (at % BigInt(this.#rules.checkpointsPerEpoch) === 0n) this.#endEpoch();
      this.#waiting.delete(at);
    }
    this.#sales.compare(state);
    for (const id of this.#balances.keys()) {
      const cell = state.account(id);
      const balance = cell === undefined ? 0n : cell.in - cell.out;
      this.#fine(id, balance);
      expectSame(`account ${id}`, balance, this.#balances.get(id) ?? 0n);
    }
    for (const {cell, kind} of this.#staked.values()) this.#compareStake(cell, kind, state);
    for (const [id, lock] of this.#locks) {
      const cell = state.lock(id);
      if (cell !== undefined) expectSame(`lock ${id}`, cell.in - cell.out, this.#rest(lock));
    }
    this.#assets.compare(state, this.#epoch);
    this.#royalties.compare(state);
    expectSame("burned", state.totals.burned, this.#burned);
    expectSame("treasury", state.totals.treasury, this.#treasury);
    expectSame("withdrawn", state.totals.withdrawn, this.#withdrawn);
  }

  /** Sale locks that changed hands, two at a time. */
  get matches(): number {
    return this.#sales.matches;
  }

  /** µCTZ that holders of seeds took out of pots. */
  get harvested(): bigint {
    return this.#royalties.harvested;
  }

  /** How far the lock was drawn when it closed; `undefined` while it is open. */
  closedAt(id: CellId): bigint | undefined {
    const lock = this.#locks.get(id);
    return lock?.isClosed === true ? lock.drawn : undefined;
  }

  #apply(op: Op): void {
    const {cell, fee, payload} = op.body;
    this.#checkFee(op);
    if (payload.kind === "claim") {
      const lock = this.#locks.get(cell);
      if (lock === undefined || lock.isClosed) throw new Error(`bank: claim ${op.id} has no open lock`);
      if (isFree(lock.spec)) {
        for (const {to, amount} of paidByJudge(lock, payload, fee)) {
          this.#payTo(to, amount);
          lock.drawn += amount;
          this.free.payouts += 1;
        }
        if (payload.isFinal) this.#close(lock);
        return;
      }
      lock.vouchers.push(payload.cumulative);
      if (payload.verdict !== undefined) lock.verdicts.push(payload.verdict);
      const to = owedOn(lock);
      if (to > lock.drawn) this.#draw(cell, lock, {to, fee});
      if (payload.isFinal) this.#close(lock);
      return;
    }
    this.#pay(cell, -fee);
    this.#burned += fee;
    switch (payload.kind) {
      case "transfer":
        if (payload.asset !== undefined) this.#assets.give(cell, payload);
        else {
          for (const {to, amount} of payload.outputs) {
            this.#pay(cell, -amount);
            this.#pay(to, amount);
          }
        }
        break;
      case "harvest":
        this.#pay(cell, this.#royalties.harvest(cell, payload.asset));
        break;
      case "issue":
        this.#assets.issue(op, payload);
        break;
      case "open":
        for (const [index, spec] of payload.locks.entries()) {
          this.#pay(cell, -spec.amount);
          this.#locks.set(lockIdOf(op.id, index), {
            ...{payer: cell, endH: spec.expiryH, expiryH: spec.expiryH},
            ...{spec, vouchers: [], verdicts: [], drawn: 0n, isClosed: false},
          });
        }
        this.#sales.open(op, this.#till(cell));
        break;
      case "stake":
        this.#pay(cell, -payload.amount);
        this.#stakeOf(cell, payload.stake).amount += payload.amount;
        break;
      case "withdraw":
        this.#pay(cell, -payload.amount);
        this.#withdrawn += payload.amount;
        break;
      case "accept":
        this.#accepts.note(cell, payload, this.#height);
        break;
      case "account":
      case "unstake":
      case "evidence":
    }
    if ((this.#balances.get(cell) ?? 0n) < 0n) throw new Error(`bank: ${cell} paid what it has not`);
  }

  #stakeOf(cell: CellId, kind: StakeKind): {amount: bigint} {
    const known = this.#staked.get(`${cell}/${kind}`);
    const stake = known ?? {cell, kind, amount: 0n};
    this.#staked.set(`${cell}/${kind}`, stake);
    return stake;
  }

  get #epoch(): number {
    return Math.ceil(Number(this.#height) / this.#rules.checkpointsPerEpoch);
  }

  get #stakes(): Stakes {
    const staked = (account: CellId) =>
      [...this.#staked.values()].reduce((sum, {cell, amount}) => sum + (cell === account ? amount : 0n), 0n);
    const cooling = (isOf: (cell: CellId) => boolean) =>
      this.#cooling.reduce((sum, {cell, amount}) => sum + (isOf(cell) ? amount : 0n), 0n);
    return {
      weight: (account) => staked(account) + this.#grantedTo(account),
      atRisk: (account) => staked(account) + cooling((cell) => cell === account),
      total: () =>
        [...this.#staked.values()].reduce((sum, {amount}) => sum + amount, 0n) +
        cooling(() => true) +
        [...this.#rules.granted.keys()].reduce((sum, account) => sum + this.#grantedTo(account), 0n),
    };
  }

  /** Whoever is convicted has lost its seat, and what was granted with it, before the votes of that height are counted. */
  #grantedTo(account: CellId): bigint {
    const isLost = (this.#seatLostH.get(account) ?? this.#height + 1n) <= this.#height;
    return isLost ? 0n : (this.#rules.granted.get(account) ?? 0n);
  }

  #noteLostSeats(state: LedgerState): void {
    for (const account of this.#rules.granted.keys()) {
      const convictedH = state.account(account)?.convictedH ?? 0n;
      if (convictedH > 0n && !this.#seatLostH.has(account)) this.#seatLostH.set(account, convictedH);
    }
  }

  #order(op: Op): void {
    this.#unstake(op);
    this.#assets.rate(op, this.#epoch);
    this.#rules.assembly?.hear(op, this.#epoch, this.#stakes);
  }

  #endEpoch(): void {
    this.#treasury += this.#royalties.end((seed) => {
      const holders = this.#assets.holdersOf(seed);
      return holders.length === 0 ? [] : [...holders, ...this.#sales.offersOf(seed)];
    });
    const {assembly} = this.#rules;
    if (assembly === undefined) return;
    const {paid, lost} = assembly.end(this.#epoch, this.#stakes);
    for (const {to, amount} of paid) {
      if (amount > this.#treasury) throw new Error("bank: citizens asked for more than the treasury has");
      this.#treasury -= amount;
      this.#pay(to, amount);
    }
    for (const account of lost) this.#burnStake(account, assembly.deposit);
  }

  #burnStake(id: CellId, deposit: bigint): void {
    let left = deposit;
    const take = (held: bigint) => {
      const taken = held < left ? held : left;
      left -= taken;
      return taken;
    };
    for (const kind of ["witness", "executor", "curate"] as const) {
      const stake = this.#stakeOf(id, kind);
      stake.amount -= take(stake.amount);
    }
    const byMaturity = this.#cooling.toSorted((one, other) => Number(one.matureH - other.matureH));
    this.#cooling = byMaturity.map((each) =>
      each.cell === id ? {...each, amount: each.amount - take(each.amount)} : each,
    );
    this.#burned += deposit - left;
  }

  #checkFee({id, body: {cell, fee, payload}}: Op): void {
    const {assembly, isCheat} = this.#rules;
    const opFee = assembly?.rulesAt(this.#epoch).opFee ?? this.#rules.opFee;
    const needed = opFee * cellsPaidBy(payload);
    const isFree = payload.kind === "claim" && payload.isFinal && fee === 0n;
    // What is rescued for a cheat was voted for in an earlier epoch.
    if (fee < needed && !isFree && !isCheat(cell)) throw new Error(`bank: op ${id} paid ${fee} of ${needed}`);
  }

  #unstake({body: {cell, payload}}: Op): void {
    if (payload.kind !== "unstake") return;
    const stake = this.#stakeOf(cell, payload.stake);
    const bound = payload.stake === "executor" ? this.#accepts.boundOf(cell, this.#height) : 0n;
    const free = stake.amount - bound;
    const amount = payload.amount < free ? payload.amount : free;
    stake.amount -= amount;
    const matureH = this.#height + this.#rules.coolingH(this.#epoch);
    this.#cooling = [...this.#cooling, {cell, kind: payload.stake, amount, matureH, sinceH: this.#height}];
  }

  #notice({body: {cell, payload}}: Op): void {
    const wish = payload.kind === "govern" && payload.wish.kind === "notice" ? payload.wish : undefined;
    const lock = wish && this.#locks.get(wish.lockId);
    if (wish === undefined || lock === undefined || lock.payer !== cell) return;
    if (lock.spec.authority.kind !== "clock") return;
    const soonest = this.#height + 2n;
    lock.endH = least(lock.endH, wish.endH < soonest ? soonest : wish.endH);
    if (lock.endH < lock.spec.expiryH) lock.expiryH = least(lock.expiryH, lock.endH + this.#rules.marginH);
  }

  #mature(): void {
    for (const {cell, amount, matureH} of this.#cooling)
      if (matureH === this.#height) this.#pay(cell, amount);
    this.#cooling = this.#cooling.filter(({matureH}) => matureH > this.#height);
  }

  /** When a slot became void is the ledger's to say; who pays for it, and how much at most, is not. */
  #fine(id: CellId, balance: bigint): void {
    const missing = (this.#balances.get(id) ?? 0n) - balance;
    const {assembly, isCheat} = this.#rules;
    const opFee = assembly?.rulesAt(this.#epoch).opFee ?? this.#rules.opFee;
    if (missing <= 0n || !isCheat(id) || missing % opFee !== 0n) return;
    if (missing > FINE_FEES * opFee) return;
    this.#pay(id, -missing);
    this.#burned += missing;
  }

  /** A convicted witness has lost all of it, what was cooling too. */
  #compareStake(id: CellId, kind: StakeKind, state: LedgerState): void {
    const cell = state.account(id);
    const [staked, cooling] = [cell?.staked[kind] ?? 0n, coolingOf(cell?.cooling ?? [], kind)];
    const own = this.#cooling.filter((each) => each.cell === id && each.kind === kind);
    const stake = this.#stakeOf(id, kind);
    if (kind === "witness" && (cell?.convictedH ?? 0n) > (this.#convicted.get(id) ?? 0n)) {
      const convictedH = cell?.convictedH ?? 0n;
      this.#convicted.set(id, convictedH);
      // A node may have adopted later checkpoints too: what cools since them is still there.
      const lost = own.filter(({sinceH}) => sinceH <= convictedH);
      this.#burned += stake.amount - staked + coolingOf(lost, kind);
      stake.amount = staked;
      this.#cooling = this.#cooling.filter((each) => !lost.includes(each));
    }
    expectSame(`${kind} stake of ${id}`, staked, stake.amount);
    const left = this.#cooling.filter((each) => each.cell === id && each.kind === kind);
    expectSame(`cooling ${kind} stake of ${id}`, cooling, coolingOf(left, kind));
  }

  #draw(id: CellId, lock: BankLock, {to, fee}: {readonly to: bigint; readonly fee: bigint}): void {
    const allowed = this.#rules.allowed(id, lock.spec, least(this.#height, lock.endH));
    if (to > lock.spec.amount || to > allowed) throw new Error(`bank: lock ${id} paid ${to} of ${allowed}`);
    for (const {target, bps} of lock.spec.split) {
      const share = (to * BigInt(bps)) / 10_000n - (lock.drawn * BigInt(bps)) / 10_000n;
      this.#payTo(target, share);
    }
    lock.drawn = to;
    this.#pay(lock.spec.controller, -fee);
    this.#burned += fee;
  }

  #payTo(target: SplitTarget, amount: bigint): void {
    if (target.kind === "cell") this.#pay(target.cell, amount);
    else if (target.kind === "pot") this.#royalties.pay(target.seed, amount);
    else if (target.kind === "burn") this.#burned += amount;
    else this.#treasury += amount;
  }

  #close(lock: BankLock): void {
    const dust = this.#rest(lock) - (lock.spec.amount - lock.drawn);
    this.#pay(lock.spec.refundTo, lock.spec.amount - lock.drawn);
    this.#burned += dust;
    lock.isClosed = true;
    lock.closedH = this.#height;
  }

  /** Which claim counts at expiry is the ledger's to say; that it was signed for, and how it splits, is not. */
  #expire(id: CellId, lock: BankLock, state: LedgerState): void {
    if (lock.isClosed || lock.expiryH + 1n > this.#height) return;
    const cell = state.lock(id);
    if (isFree(lock.spec) && cell?.isClosed !== true) {
      this.#outlive(id, lock, cell);
      return;
    }
    if (cell?.frozen !== undefined) return;
    // The state may be of a later height.
    if (cell?.isClosed === true && cell.closedAt > this.#height) return;
    if (cell?.isClosed !== true) throw new Error(`bank: lock ${id} is open beyond its time`);
    if (isFree(lock.spec) && cell.drawn !== lock.drawn)
      throw new Error(`bank: free lock ${id} paid ${cell.drawn}, its claims come to ${lock.drawn}`);
    if (cell.drawn < lock.drawn) throw new Error(`bank: lock ${id} took back what it paid`);
    if (cell.drawn > lock.drawn) {
      const share = this.#controllerShare(lock, cell.drawn);
      const fee = this.#rules.claimFee(id, cell.drawn);
      this.#draw(id, lock, {to: cell.drawn, fee: share < fee ? share : fee});
    }
    this.#close(lock);
  }

  /** Past its time: only one whose judge signed twice, until the epoch is over or its freeze is. */
  #outlive(id: CellId, {spec, expiryH}: BankLock, cell: LockCell | undefined): void {
    if (!this.#rules.isCheat(spec.controller)) throw new Error(`bank: lock ${id} of an honest judge is open`);
    if (cell?.frozen !== undefined) {
      this.free.freezes += 1;
      return;
    }
    this.free.waits += 1;
    const length = BigInt(this.#rules.checkpointsPerEpoch);
    const epochEndH = ((expiryH + length) / length) * length;
    if (this.#height >= epochEndH) throw new Error(`bank: free lock ${id} is open beyond its time`);
  }

  #controllerShare({spec, drawn}: BankLock, to: bigint): bigint {
    return spec.split
      .filter(({target}) => target.kind === "cell" && target.cell === spec.controller)
      .reduce((sum, {bps}) => sum + (to * BigInt(bps)) / 10_000n - (drawn * BigInt(bps)) / 10_000n, 0n);
  }

  #rest({spec, drawn, isClosed}: BankLock): bigint {
    if (isClosed) return 0n;
    if (isFree(spec)) return spec.amount - drawn;
    return spec.split.reduce((rest, {bps}) => rest - (drawn * BigInt(bps)) / 10_000n, spec.amount);
  }

  /** Of an account: takes in, or gives out, what a lot says. */
  #till(id: CellId): Till {
    return ({asset, amount}) => {
      if (asset === undefined) this.#pay(id, amount);
      else this.#assets.move(id, asset, amount);
    };
  }

  #pay(id: CellId, amount: bigint): void {
    this.#balances.set(id, (this.#balances.get(id) ?? 0n) + amount);
  }
}

/** The most that some voucher gives with the tasks that were judged against it or a higher one, each once. */
function owedOn({spec, vouchers, verdicts}: BankLock): bigint {
  let most = 0n;
  for (const voucher of [...vouchers, ...verdicts.map(({base}) => base)]) {
    const tasks = new Map<string, bigint>();
    for (const {taskId, amount, base} of verdicts) {
      if (base >= voucher && amount > (tasks.get(taskId) ?? 0n)) tasks.set(taskId, amount);
    }
    const owed = [...tasks.values()].reduce((sum, amount) => sum + amount, voucher);
    if (owed > most) most = owed;
  }
  return most < spec.amount ? most : spec.amount;
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

type Cold = {readonly kind?: StakeKind; readonly stake?: StakeKind; readonly amount: bigint};

function coolingOf(list: readonly Cold[], kind: StakeKind): bigint {
  return list
    .filter((each) => (each.kind ?? each.stake) === kind)
    .reduce((sum, {amount}) => sum + amount, 0n);
}

function expectSame(what: string, is: bigint | undefined, should: bigint): void {
  if (is !== should) throw new Error(`bank: ${what} is ${is}, should be ${should}`);
}
