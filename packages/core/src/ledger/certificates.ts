/**
 * Certificates are derived, not sent (reference/ledger 3.2): an op is certified in a set of entries when witnesses
 * of quorum weight voted for it, and what it follows is certified or done. A tally counts the votes of one such set.
 *
 * Who keeps the rules votes for an op only after its parent, or when that is certified in the past of its entry; so a
 * vote for a descendant adds nothing that is not there already, unless its author is bad. Then it would make a
 * certificate that can be proven only with everything between the two (decision 35).
 *
 * Entries come causes first: among those that make a quorum is somebody honest, and in the past of that vote is what
 * the op follows. What is not known here then is done.
 */
import {equalBytes} from "../primitives/bytes.ts";
import type {CellId, OpId} from "../primitives/id.ts";
import type {Committee, VoterMask} from "./committee.ts";
import type {Op} from "./op.ts";
import {SlotMap} from "./slotMap.ts";

/** The very bytes of an op: ids do not cover signatures. */
export type Copy = {
  readonly op: Op;
  /** Who voted for the op as it stands here. */
  readonly mask: VoterMask;
};

export type Candidate = {
  /** The copy seen first; `copies` has every distinct one. */
  readonly op: Op;
  readonly copies: readonly Copy[];
  /** Who voted for any of them. */
  readonly mask: VoterMask;
  readonly isCertified: boolean;
};

type CountedCopy = {readonly op: Op; mask: VoterMask; readonly candidate: Counted};

/** A `prev` that names an op of another slot is a lie of the owner: no vote passes through it. */
type Counted = {
  readonly op: Op;
  readonly copies: CountedCopy[];
  /** Where there are many of them: honest members make a few at most. */
  byBytes: Map<string, CountedCopy> | undefined;
  mask: VoterMask;
  isCertified: boolean;
  /** What the op follows, if it is known here. */
  parent: Counted | undefined;
  /** Not known here any more: no vote reaches it. */
  isDropped: boolean;
};

export type CarriedVotes = {
  readonly witness: number;
  /** Indices of ops that get no vote. */
  readonly without?: ReadonlySet<number>;
  /** Ops that are not known here and need not be. What is done once stays so. */
  readonly isDone: (op: Op) => boolean;
};

const NO_CANDIDATES: readonly Counted[] = [];
const FEW_COPIES = 4;

export class Tally {
  readonly #committee: Committee;
  #candidates = new Map<OpId, Counted>();
  #slots = new SlotMap<Counted[]>();
  /** Slots with more than one op. */
  #contested = new SlotMap<boolean>();
  /** Of lists that entries carry, as far as somebody voted for them; `null` for what was done. */
  readonly #carried = new Map<readonly Op[], (CountedCopy | null | undefined)[]>();

  constructor(committee: Committee) {
    this.#committee = committee;
  }

  get size(): number {
    return this.#candidates.size;
  }

  get(id: OpId): Candidate | undefined {
    return this.#candidates.get(id);
  }

  candidates(): Iterable<Candidate> {
    return this.#candidates.values();
  }

  /** Ops seen at a slot; more than one means that the owner equivocated, or that somebody says so. */
  at(cell: CellId, seq: bigint): readonly Candidate[] {
    return this.#at(cell, seq);
  }

  /** Cells with an op here, in no order. */
  cells(): Iterable<CellId> {
    return this.#slots.cells();
  }

  /** Slots of a cell at which more than one op was seen. */
  contestedSeqs(cell: CellId): readonly bigint[] {
    return [...this.#contested.of(cell)].map(([seq]) => seq);
  }

  /** Everything seen in a cell's log, in no order. */
  candidatesOf(cell: CellId): readonly Candidate[] {
    return [...this.#slots.of(cell)].flatMap(([, candidates]) => candidates);
  }

  /** Makes an op known. */
  add(op: Op): void {
    this.#add(op);
  }

  /**
   * Counts a witness's vote for an op that was added, in the copy seen first. Returns what it certifies, ancestors
   * first. Nothing comes of the vote of who is no member.
   */
  vote(id: OpId, witness: number): readonly Op[] {
    const certified: Op[] = [];
    this.#voteCopy(this.#candidates.get(id)?.copies[0], this.#committee.bitOf(witness), certified);
    return certified;
  }

  /**
   * Makes ops known that one entry carries, and counts a witness's votes for them. Returns what they certify.
   * Every member votes for the same list: only the first time are its ops looked up.
   */
  voteCarried(carry: readonly Op[], {witness, without, isDone}: CarriedVotes): readonly Op[] {
    const certified: Op[] = [];
    const bit = this.#committee.bitOf(witness);
    const known = this.#carried.get(carry) ?? new Array<undefined>(carry.length).fill(undefined);
    this.#carried.set(carry, known);
    for (let index = 0; index < carry.length; index++) {
      if (without?.has(index)) continue;
      const op = carry[index];
      let copy = known[index];
      if (op !== undefined && copy === undefined) {
        copy = this.#candidates.has(op.id) || !isDone(op) ? this.#add(op) : null;
        known[index] = copy;
      }
      if (copy !== null) this.#voteCopy(copy, bit, certified);
    }
    return certified;
  }

  /** Takes over votes for copies that were counted elsewhere, in any order. */
  restore(copies: readonly Copy[]): readonly Op[] {
    const certified: Op[] = [];
    const added = copies.map(({op, mask}) => ({copy: this.#add(op), mask}));
    for (const {copy, mask} of added) this.#voteCopy(copy, mask, certified);
    return certified;
  }

  /**
   * Forgets what cannot matter any more. Of ops that are known to be done nothing is asked. Few are left after a
   * checkpoint, so those are put in place anew: to take thousands out one by one costs several times as much.
   */
  drop(isDone: (op: Op) => boolean, done: Iterable<Op> = []): void {
    const before = this.#candidates;
    for (const {id} of done) forget(before.get(id));
    this.#candidates = new Map();
    this.#slots = new SlotMap();
    this.#contested = new SlotMap();
    for (const [id, candidate] of before) {
      if (!candidate.isDropped && isDone(candidate.op)) forget(candidate);
      if (candidate.isDropped) continue;
      this.#candidates.set(id, candidate);
      this.#place(candidate);
    }
    for (const [carry, known] of this.#carried)
      if (known.every((copy) => copy === null || copy?.candidate.isDropped === true))
        this.#carried.delete(carry);
  }

  copy(): Tally {
    const copy = new Tally(this.#committee);
    for (const {op, copies, mask, isCertified} of this.#candidates.values()) {
      const candidate = counted(op, {mask, isCertified});
      for (const each of copies) candidate.copies.push({op: each.op, mask: each.mask, candidate});
      copy.#put(candidate);
    }
    return copy;
  }

  certified(): Op[] {
    return [...this.#candidates.values()].filter(({isCertified}) => isCertified).map(({op}) => op);
  }

  #at(cell: CellId, seq: bigint): readonly Counted[] {
    return this.#slots.get({cell, seq}) ?? NO_CANDIDATES;
  }

  #childrenOf({id, body}: Op): readonly Counted[] {
    const next = this.#at(body.cell, body.seq + 1n);
    return next.length === 0 ? next : next.filter(({op}) => op.body.prev === id);
  }

  #add(op: Op): CountedCopy {
    const known = this.#candidates.get(op.id);
    const seen = known && copyOf(known, op);
    if (seen !== undefined) return seen;
    const candidate = known ?? counted(op, {mask: 0, isCertified: false});
    const copy = {op, mask: 0, candidate};
    candidate.copies.push(copy);
    candidate.byBytes?.set(textOf(op), copy);
    if (known === undefined) this.#put(candidate);
    return copy;
  }

  #voteCopy(copy: CountedCopy | undefined, mask: VoterMask, certified: Op[]): void {
    if (copy === undefined || copy.candidate.isDropped) return;
    copy.mask |= mask;
    copy.candidate.mask |= mask;
    this.#certify(copy.candidate, certified);
  }

  /** What waited for it alone comes after it. */
  #certify(voted: Counted, certified: Op[]): void {
    const open: Counted[] = [voted];
    for (let candidate = open.pop(); candidate !== undefined; candidate = open.pop()) {
      const {op, mask, parent, isCertified} = candidate;
      const isRooted = parent === undefined || parent.isDropped || parent.isCertified;
      if (isCertified || !isRooted || !this.#committee.isQuorum(mask)) continue;
      candidate.isCertified = true;
      certified.push(op);
      open.push(...this.#childrenOf(op));
    }
  }

  #put(candidate: Counted): void {
    const {op} = candidate;
    const {id, body} = op;
    this.#candidates.set(id, candidate);
    const parent = this.#candidates.get(body.prev);
    const isParent = parent?.op.body.cell === body.cell && parent.op.body.seq === body.seq - 1n;
    candidate.parent = isParent ? parent : undefined;
    for (const child of this.#childrenOf(op)) child.parent = candidate;
    this.#place(candidate);
  }

  #place(candidate: Counted): void {
    const {body} = candidate.op;
    const rivals = this.#slots.get(body);
    if (rivals === undefined) this.#slots.set(body, [candidate]);
    else this.#contested.set(body, rivals.push(candidate) > 1);
  }
}

/** With no copy yet. */
function counted(op: Op, {mask, isCertified}: Pick<Candidate, "mask" | "isCertified">): Counted {
  return {op, copies: [], byBytes: undefined, mask, isCertified, parent: undefined, isDropped: false};
}

function copyOf(candidate: Counted, op: Op): CountedCopy | undefined {
  const {copies} = candidate;
  if (copies.length <= FEW_COPIES)
    return copies.find((each) => each.op === op || equalBytes(each.op.bytes, op.bytes));
  candidate.byBytes ??= new Map(copies.map((each) => [textOf(each.op), each]));
  return candidate.byBytes.get(textOf(op));
}

function textOf({bytes}: Op): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** What follows it keeps it, and nothing before it. */
function forget(candidate: Counted | undefined): void {
  if (candidate === undefined) return;
  candidate.parent = undefined;
  candidate.isDropped = true;
}
