/** Owners of accounts in a simulated ledger: they pay, open locks, claim; one of them may equivocate. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Op, OpBody, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import type {Signer} from "@catalyze/core/ports/signer";
import type {AccountId, CellId, Hash, LockId, OpId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";

const MEMO = "0".repeat(64) as Hash;
const EPOCHS_AHEAD = 1_000_000;

export type Network = {readonly id: number; readonly genesisHash: Uint8Array; readonly opFee: bigint};

type OpenLock = {
  readonly id: LockId;
  readonly payer: Owner;
  readonly amount: bigint;
  drawn: bigint;
  isFinal: boolean;
};

export class Owner {
  readonly account: AccountId;
  readonly signer: Signer;
  readonly isHonest: boolean;
  readonly #network: Network;
  /** By cell: the account's own log, and those of the locks that this owner controls. */
  readonly #slots = new Map<CellId, {seq: bigint; head: OpId}>();
  readonly #staked = {witness: 0n, executor: 0n};
  readonly locks: OpenLock[] = [];
  balance: bigint;

  constructor(
    signer: Signer,
    network: Network,
    options: {readonly balance: bigint; readonly isHonest: boolean},
  ) {
    this.signer = signer;
    this.account = accountIdOf(signer.publicKey);
    this.#network = network;
    this.balance = options.balance;
    this.isHonest = options.isHonest;
  }

  /** One next op; a cheat signs two for one slot, or spends what it has not. Empty when there is nothing to do. */
  act(random: SeededRandom, others: readonly Owner[], height: bigint): Op[] {
    if (!this.isHonest && random.chance(0.3)) {
      const [left, right] = [random.pick(others), random.pick(others)];
      const slot = this.#slots.get(this.account) ?? {seq: 0n, head: NO_OP};
      const one = this.#write(this.account, transfer(left.account, 5n), 0n);
      this.#slots.set(this.account, slot);
      return [one, this.#write(this.account, transfer(right.account, 7n), 0n)];
    }
    if (!this.isHonest && random.chance(0.1)) {
      // More than anyone ever had. What rests on it is stuck too: the cheat's own problem.
      return [this.#write(this.account, transfer(random.pick(others).account, 10_000_000n))];
    }
    const lock = this.locks.find(({isFinal}) => !isFinal);
    if (lock !== undefined && random.chance(0.5)) return this.#claim(lock, random);
    if (random.chance(0.1)) return this.#stake(random);
    if (random.chance(0.25)) return this.#open(random.pick(others), random, height);
    const amount = BigInt(1 + random.int(2_000));
    const fee = this.#network.opFee;
    if (this.balance < amount + fee) return [];
    this.balance -= amount + fee;
    return [this.#write(this.account, transfer(random.pick(others).account, amount))];
  }

  /** The next op of the account: a plain payment. */
  pay(to: Owner, amount: bigint): Op {
    return this.#write(this.account, transfer(to.account, amount));
  }

  /** The next op of the account, whatever it does. */
  write(payload: Payload): Op {
    return this.#write(this.account, payload);
  }

  /** A cheat whose log stands still goes on where the ledger is: its dead slots are void by then. */
  lookAt(view: LedgerState): void {
    const cell = view.account(this.account);
    if (cell !== undefined) this.#slots.set(this.account, {seq: cell.seq, head: cell.head});
  }

  #stake(random: SeededRandom): Op[] {
    const stake = random.pick(["witness", "executor"] as const);
    if (this.#staked[stake] > 0n && random.chance(0.6)) {
      const amount = 1n + BigInt(random.int(Number(this.#staked[stake])));
      this.#staked[stake] -= amount;
      return [this.#write(this.account, {kind: "unstake", stake, amount})];
    }
    const amount = BigInt(1 + random.int(3_000));
    const fee = this.#network.opFee;
    if (this.balance < amount + fee) return [];
    this.balance -= amount + fee;
    this.#staked[stake] += amount;
    return [this.#write(this.account, {kind: "stake", stake, amount})];
  }

  #open(payee: Owner, random: SeededRandom, height: bigint): Op[] {
    const amount = BigInt(1_000 + random.int(5_000));
    const fee = this.#network.opFee;
    if (this.balance < amount + fee) return [];
    this.balance -= amount + fee;
    const op = this.#write(this.account, {
      kind: "open",
      locks: [
        {
          controller: payee.account,
          controllerKey: payee.signer.publicKey,
          amount,
          tag: MEMO,
          authority: {kind: "payer", key: this.signer.publicKey},
          split: [
            {target: {kind: "cell", cell: payee.account}, bps: 9_000},
            {target: {kind: "burn"}, bps: 1_000},
          ],
          // Some expire while claims are under way.
          expiryH: height + BigInt(12 + random.int(8)),
          refundTo: this.account,
        },
      ],
    });
    payee.locks.push({id: lockIdOf(op.id, 0), payer: this, amount, drawn: 0n, isFinal: false});
    return [op];
  }

  #claim(lock: OpenLock, random: SeededRandom): Op[] {
    const rest = lock.amount - lock.drawn;
    lock.isFinal = rest < 400n || random.chance(0.3);
    const cumulative = lock.isFinal && random.chance(0.5) ? lock.amount : lock.drawn + 300n;
    if (cumulative > lock.amount) return [];
    lock.drawn = cumulative;
    const body = {lockId: lock.id, cumulative, contextHash: MEMO};
    const voucher = signVoucher(body, lock.payer.signer, this.#network.genesisHash);
    return [this.#write(lock.id, {kind: "claim", cumulative, voucher, isFinal: lock.isFinal})];
  }

  #write(cell: CellId, payload: Payload, fee = this.#network.opFee): Op {
    const slot = this.#slots.get(cell) ?? {seq: 0n, head: NO_OP};
    const body: OpBody = {
      version: 1,
      network: this.#network.id,
      cell,
      seq: slot.seq + 1n,
      prev: slot.head,
      validFromEpoch: 0,
      validUntilEpoch: EPOCHS_AHEAD,
      fee: fee === 0n ? this.#network.opFee : fee,
      deps: [],
      payload,
    };
    const op = signOp(body, this.signer, this.#network.genesisHash);
    this.#slots.set(cell, {seq: body.seq, head: op.id});
    return op;
  }
}

function transfer(to: AccountId, amount: bigint): Payload {
  return {kind: "transfer", outputs: [{to, amount}], memo: MEMO};
}
