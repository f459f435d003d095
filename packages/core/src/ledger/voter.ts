/**
 * What one witness voted for, and whether it may vote for one more op. Its memory is the signing table: a
 * vote is recorded there before the entry that carries it leaves.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import type {CellId, OpId} from "../primitives/id.ts";
import {tryApply, votable} from "./apply.ts";
import type {LogCell} from "./cell.ts";
import type {Tally} from "./certificates.ts";
import type {Op} from "./op.ts";
import {checkOpForm, type OpCheck} from "./opChecks.ts";
import {type Slot, SlotMap} from "./slotMap.ts";
import {type Soundness, soundnessOf} from "./soundness.ts";
import type {LedgerState} from "./state.ts";
import type {VoteContext, VoteRefusal, VoteRule} from "./voteRules.ts";

export type SlotVote = {
  /** In which it binds: the votes of an epoch are void once it is closed. */
  readonly epoch: number;
  readonly cell: CellId;
  readonly seq: bigint;
  readonly opId: OpId;
};

export type VoterOptions = {
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
  readonly rules: readonly VoteRule[];
  readonly isProof: VoteContext["isProof"];
  readonly areLiars: VoteContext["areLiars"];
};

/** The moment at which a vote is weighed. */
export type VoteMoment = {
  readonly view: LedgerState;
  readonly tally: Tally;
  readonly stampH: bigint;
  readonly epoch: number;
};

export class Voter {
  readonly #options: VoterOptions;
  /** By epoch. */
  readonly #votes = new Map<number, SlotMap<OpId>>();
  /** Cells after the votes on their logs, on the view of the moment; void when the view changes. */
  readonly #ahead = new Map<CellId, LedgerState>();
  /** Voted for since then, and not applied there: most cells have one op under way, and nobody asks what follows. */
  readonly #unapplied = new Map<CellId, Op[]>();
  /** Ops whose form was checked, with the keys that it was checked against. */
  readonly #sound = new WeakMap<Op, object>();

  constructor(options: VoterOptions, votes: readonly SlotVote[]) {
    this.#options = options;
    this.recall(votes);
  }

  /** Given in an earlier run: they bind like new ones. */
  recall(votes: readonly SlotVote[]): void {
    for (const vote of votes) this.#remember(vote);
    this.viewChanged();
  }

  votedAt(epoch: number, slot: Slot): OpId | undefined {
    return this.#votes.get(epoch)?.get(slot);
  }

  /** Every vote on a slot that is still open. */
  votes(): SlotVote[] {
    return [...this.#votes].flatMap(([epoch, slots]) =>
      [...slots.cells()].flatMap((cell) =>
        [...slots.of(cell)].map(([seq, opId]): SlotVote => ({epoch, cell, seq, opId})),
      ),
    );
  }

  /** Why this witness may not vote for the op now; `undefined` when it may. */
  refusal(op: Op, moment: VoteMoment): VoteRefusal | undefined {
    const {cell} = op.body;
    const state = this.#stateAhead(cell, moment);
    const {network, genesisHash, verifier, isProof, areLiars} = this.#options;
    const context: VoteContext = {
      network,
      genesisHash,
      verifier,
      isProof,
      areLiars,
      state,
      tally: moment.tally,
      votable: votable(state, op, {height: moment.stampH}),
      epoch: moment.epoch,
      voted: this.votedAt(moment.epoch, op.body),
      isSound: this.#isSound(op, state),
    };
    return this.#firstRefusal(op, context);
  }

  /** What its form and its signatures are worth, against the keys of the view. */
  soundnessOf(op: Op, moment: Pick<VoteMoment, "view" | "epoch">): Soundness {
    return this.#isSound(op, moment.view) ? "sound" : soundnessOf(this.check(op, moment));
  }

  /** Form and signatures of an op that just came in, against the keys of the view. */
  check(op: Op, {view, epoch}: Pick<VoteMoment, "view" | "epoch">): OpCheck {
    const {network, genesisHash, verifier} = this.#options;
    const check = checkOpForm(op, {network, genesisHash, verifier, state: view, epoch});
    const keys = keysOf(view, op);
    if (check.ok && keys !== undefined) this.#sound.set(op, keys);
    return check;
  }

  #isSound(op: Op, state: LedgerState): boolean {
    const keys = this.#sound.get(op);
    return keys !== undefined && keys === keysOf(state, op);
  }

  #firstRefusal(op: Op, context: VoteContext): VoteRefusal | undefined {
    for (const rule of this.#options.rules) {
      const refusal = rule.refusal(op, context);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Binds this witness to the op. */
  vote(op: Op, {epoch}: Pick<VoteMoment, "epoch">): SlotVote {
    const {cell, seq} = op.body;
    const vote = {epoch, cell, seq, opId: op.id};
    this.#remember(vote);
    const unapplied = this.#unapplied.get(cell);
    if (unapplied === undefined) this.#unapplied.set(cell, [op]);
    else unapplied.push(op);
    return vote;
  }

  /** The view changed. */
  viewChanged(): void {
    this.#ahead.clear();
    this.#unapplied.clear();
  }

  #remember({epoch, cell, seq, opId}: SlotVote): void {
    const slots = this.#votes.get(epoch) ?? new SlotMap<OpId>();
    this.#votes.set(epoch, slots);
    slots.set({cell, seq}, opId);
  }

  /** Forgets votes of epochs that are closed, and on slots that a checkpoint has taken. */
  forget(base: LedgerState, epochNow: number): void {
    for (const [epoch, slots] of this.#votes) {
      if (epoch < epochNow) this.#votes.delete(epoch);
      else for (const cell of slots.cells()) dropTaken(slots, cell, base.logCell(cell));
    }
  }

  /** The view, with the ops of this one cell that this witness voted for and that are not certified yet. */
  #stateAhead(cell: CellId, moment: VoteMoment): LedgerState {
    const unapplied = this.#unapplied.get(cell);
    const known = this.#ahead.get(cell) ?? this.#recalled(cell, moment);
    if (unapplied === undefined) return known;
    this.#unapplied.delete(cell);
    const state = known === moment.view ? known.fork() : known;
    this.#ahead.set(cell, state);
    for (const op of unapplied) tryApply(state, op, {height: moment.stampH});
    return state;
  }

  /** The view with what is known of the votes that were given before it was the view. */
  #recalled(cell: CellId, {view, tally, stampH, epoch}: VoteMoment): LedgerState {
    const votes = this.#votes.get(epoch);
    let state: LedgerState | undefined;
    for (let seq = (view.logCell(cell)?.seq ?? 0n) + 1n; ; seq += 1n) {
      const id = votes?.get({cell, seq});
      const op = id === undefined ? undefined : tally.get(id)?.op;
      if (op === undefined) return state ?? view;
      state ??= view.fork();
      this.#ahead.set(cell, state);
      if (!tryApply(state, op, {height: stampH}).ok) return state;
    }
  }
}

function dropTaken(slots: SlotMap<OpId>, id: CellId, cell: LogCell | undefined): void {
  if (cell?.kind === "lock" && cell.isClosed) slots.deleteCell(id);
  else if (cell !== undefined) slots.deleteUpTo({cell: id, seq: cell.seq});
}

/** What the signers of a cell's ops are read from; the same object for as long as it says the same. */
function keysOf(state: LedgerState, {body}: Op): object | undefined {
  return body.payload.kind === "claim" ? state.lock(body.cell)?.spec : state.account(body.cell)?.keys;
}
