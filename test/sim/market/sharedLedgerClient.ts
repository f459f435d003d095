/** One node's view of the shared ledger: it lags, and it signs ops as the daemon's wallet does. */

import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {CodedError} from "@catalyze/core/errors/codedError";
import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import {epochOfHeight} from "@catalyze/core/ledger/checkpoint";
import {genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import type {Payload} from "@catalyze/core/ledger/op";
import {lockIdOf, locksMadeBy, signOp} from "@catalyze/core/ledger/opCodec";
import type {LedgerParams} from "@catalyze/core/ledger/params";
import type {Clock} from "@catalyze/core/ports/clock";
import type {AccountView, LedgerClient, LockView, OpReceipt} from "@catalyze/core/ports/ledger";
import type {Signer} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import {draftOp} from "@catalyze/daemon/ledger/draftOp";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import {type LedgerCopy, refusal, type SharedLedger} from "./sharedLedger.ts";

export type SharedLedgerClientComponents = {
  readonly ledger: SharedLedger;
  /** Survives the node: what its disk holds. */
  readonly copy: LedgerCopy;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly signer: Signer;
};

type Waiter = {readonly resolve: () => void; readonly reject: (reason: CodedError) => void};

const SUBMIT_MS = 10_000;

export class SharedLedgerClient implements LedgerClient {
  readonly account: AccountId;
  readonly #components: SharedLedgerClientComponents;
  readonly #lagMaxMs: number;
  readonly #waiters = new Map<OpId, Waiter>();
  #seenAtMs = 0;
  /** Events whose arrival is scheduled. */
  #scheduled: number;
  #stop: () => void;

  constructor(components: SharedLedgerClientComponents, lagMaxMs: number) {
    this.#components = components;
    this.#lagMaxMs = lagMaxMs;
    this.account = accountIdOf(components.signer.publicKey);
    const {ledger, copy} = components;
    for (const event of ledger.events.slice(copy.cursor)) copy.take(event);
    this.#scheduled = copy.cursor;
    this.#stop = ledger.onEvent(() => this.#schedule());
  }

  stop(): void {
    this.#stop();
    for (const {reject} of this.#waiters.values()) reject(new CodedError("OP_TIMEOUT"));
    this.#waiters.clear();
  }

  opFee(): bigint {
    return this.params().opFee;
  }

  params(): LedgerParams {
    return this.#components.ledger.genesis.params;
  }

  paramsAround(): readonly LedgerParams[] {
    return [this.params()];
  }

  head() {
    const {height, epoch} = this.#components.copy.checkpoint;
    return {height, epoch, witnesses: 1};
  }

  accountView(id: AccountId): AccountView | undefined {
    const cell = this.#components.copy.state.account(id);
    if (cell === undefined) return undefined;
    const balance = balanceOf(cell);
    const {cooling, frozen, seq} = cell;
    return {id, balance, staked: stakeOf(cell), cooling, frozen, balanceCheckpointed: balance, seq};
  }

  lockView(id: LockId): LockView | undefined {
    const cell = this.#components.copy.state.lock(id);
    if (cell === undefined) return undefined;
    const {payer, spec, paid, awarded, drawn, isClosed} = cell;
    return {id, payer, spec, paid, awarded, drawn, isOpen: !isClosed};
  }

  ownLocks(): readonly LockId[] {
    const {ledger, copy} = this.#components;
    const certified = [...copy.state.locks()].filter(
      ({payer, isClosed}) => payer === this.account && !isClosed,
    );
    const pending = ledger.pending.get(this.account) ?? [];
    return [...certified.map(({id}) => id), ...pending.flatMap(locksMadeBy)];
  }

  async submit(cell: CellId, payload: Payload): Promise<OpReceipt> {
    const {ledger, copy, clock, signer} = this.#components;
    const {genesis} = ledger;
    const hash = genesisHash(genesis);
    const {state, checkpoint} = copy;
    const body = draftOp(
      {cell, payload},
      {
        outbox: {
          lastOf: (id) => ledger.lastSigned.get(id),
          pendingOf: (id) => ledger.pending.get(id) ?? [],
        },
        view: {
          epoch: () => epochOfHeight(checkpoint.height + 1n, genesis.params.checkpointsPerEpoch),
          opFee: () => genesis.params.opFee,
          headOf(id) {
            const known = state.account(id) ?? state.lock(id);
            return known === undefined ? undefined : {seq: known.seq, opId: known.head};
          },
          fundsOf(id) {
            const known = state.account(id);
            return known === undefined ? undefined : balanceOf(known);
          },
          harvestOf: () => 0n,
          unitsOf: () => 0n,
          lock: (id) => state.lock(id),
          account: (id) => state.account(id),
          height: () => checkpoint.height,
        },
      },
      {network: networkIdOf(hash)},
    );
    const op = signOp(body, signer, fromHex(hash));
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#waiters.set(op.id, {resolve, reject});
    const cancel = clock.after(SUBMIT_MS, () => {
      this.#waiters.delete(op.id);
      reject(new CodedError("OP_TIMEOUT", {evidence: {opId: op.id}}));
    });
    ledger.submit(op);
    try {
      await promise;
    } finally {
      cancel();
    }
    return {opId: op.id, grade: "certified", height: copy.checkpoint.height + 1n};
  }

  /** Every op arrives in its time. */
  catchUp(): void {}

  lockIdsOf(opId: OpId, count: number): readonly LockId[] {
    return Array.from({length: count}, (_, index) => lockIdOf(opId, index));
  }

  #schedule(): void {
    const {ledger, clock, random} = this.#components;
    for (const [id, waiter] of [...this.#waiters]) {
      const reason = ledger.refused.get(id);
      if (reason === undefined) continue;
      this.#waiters.delete(id);
      waiter.reject(refusal(reason));
    }
    while (this.#scheduled < ledger.events.length) {
      this.#scheduled += 1;
      const atMs = Math.max(this.#seenAtMs, clock.monotonicMs() + random.between(0, this.#lagMaxMs));
      this.#seenAtMs = atMs;
      clock.after(atMs - clock.monotonicMs(), () => this.#takeNext());
    }
  }

  #takeNext(): void {
    const {ledger, copy} = this.#components;
    const event = ledger.events[copy.cursor];
    if (event === undefined) throw new Error("an event that is not there");
    copy.take(event);
    if (event.kind !== "op") return;
    this.#waiters.get(event.op.id)?.resolve();
    this.#waiters.delete(event.op.id);
  }
}
