/**
 * Certificates are derived, not sent (reference/ledger 3.2): an op is certified in a set of entries when
 * witnesses of quorum weight voted for it or for a descendant. A tally counts the votes of one such set.
 */
import type {CellId, OpId} from "../primitives/id.ts";
import type {Committee, VoterMask} from "./committee.ts";
import type {Op} from "./op.ts";

export type Candidate = {
  /** The copy seen first; `copies` has every distinct one: ids do not cover signatures. */
  readonly op: Op;
  copies: readonly Op[];
  mask: VoterMask;
  isCertified: boolean;
};

/** Most calls certify nothing. Shared by all of them, so nobody may add to it. */
const NOTHING: readonly Op[] = Object.freeze([]);
const NO_CANDIDATES: readonly Candidate[] = [];

export class Tally {
  readonly #committee: Committee;
  readonly #candidates = new Map<OpId, Candidate>();
  /** Cell → seq → the ops seen there. */
  readonly #slots = new Map<CellId, Map<bigint, Candidate[]>>();
  /** Slots with more than one op. */
  readonly #contested = new Map<CellId, Set<bigint>>();

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
    return this.#slots.get(cell)?.get(seq) ?? NO_CANDIDATES;
  }

  /** Cells with an op here, in no order. */
  cells(): Iterable<CellId> {
    return this.#slots.keys();
  }

  /** Slots of a cell at which more than one op was seen. */
  contestedSeqs(cell: CellId): Iterable<bigint> {
    return this.#contested.get(cell) ?? [];
  }

  /** Slots of a cell, in no order. */
  seqsOf(cell: CellId): Iterable<bigint> {
    return this.#slots.get(cell)?.keys() ?? [];
  }

  /** Makes an op known. Returns what its descendants' votes certify. */
  add(op: Op): readonly Op[] {
    const known = this.#candidates.get(op.id);
    if (known?.op === op) return NOTHING;
    if (known !== undefined) {
      const isNew = !known.copies.some(({bytes}) => Buffer.compare(bytes, op.bytes) === 0);
      if (isNew) known.copies = [...known.copies, op];
      return NOTHING;
    }
    this.#put({op, copies: [op], mask: 0, isCertified: false});
    let inherited = 0;
    for (const child of this.at(op.body.cell, op.body.seq + 1n)) {
      if (child.op.body.prev === op.id) inherited |= child.mask;
    }
    return inherited === 0 ? NOTHING : this.#vote(op.id, inherited);
  }

  /**
   * Counts a witness's vote for an op that was added, and so for its ancestors. Returns what it certifies.
   * Nothing comes of the vote of who is no member.
   */
  vote(id: OpId, witness: number): readonly Op[] {
    return this.#vote(id, this.#committee.bitOf(witness));
  }

  /** Takes over votes counted elsewhere. */
  restore(op: Op, mask: VoterMask): readonly Op[] {
    return [...this.add(op), ...(mask === 0 ? [] : this.#vote(op.id, mask))];
  }

  /** Forgets what cannot matter any more. */
  drop(isDone: (op: Op) => boolean): void {
    for (const [id, {op}] of this.#candidates) {
      if (!isDone(op)) continue;
      this.#candidates.delete(id);
      const slots = this.#slots.get(op.body.cell);
      slots?.delete(op.body.seq);
      if (slots?.size === 0) this.#slots.delete(op.body.cell);
      const contested = this.#contested.get(op.body.cell);
      contested?.delete(op.body.seq);
      if (contested?.size === 0) this.#contested.delete(op.body.cell);
    }
  }

  copy(): Tally {
    const copy = new Tally(this.#committee);
    for (const candidate of this.#candidates.values()) {
      copy.#put({...candidate});
    }
    return copy;
  }

  certified(): Op[] {
    return [...this.#candidates.values()].filter(({isCertified}) => isCertified).map(({op}) => op);
  }

  #vote(id: OpId, mask: VoterMask): readonly Op[] {
    let certified: Op[] | undefined;
    let candidate = this.#candidates.get(id);
    while (candidate !== undefined && (candidate.mask | mask) !== candidate.mask) {
      candidate.mask |= mask;
      if (!candidate.isCertified && this.#committee.isQuorum(candidate.mask)) {
        candidate.isCertified = true;
        certified ??= [];
        certified.push(candidate.op);
      }
      candidate = this.#parentOf(candidate.op);
    }
    // Ancestors first.
    return certified?.reverse() ?? NOTHING;
  }

  /** A `prev` that names an op of another slot is a lie of the owner: no vote passes through it. */
  #parentOf({body}: Op): Candidate | undefined {
    const parent = this.#candidates.get(body.prev);
    const isParent = parent?.op.body.cell === body.cell && parent.op.body.seq === body.seq - 1n;
    return isParent ? parent : undefined;
  }

  #put(candidate: Candidate): void {
    const {id, body} = candidate.op;
    this.#candidates.set(id, candidate);
    let slots = this.#slots.get(body.cell);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(body.cell, slots);
    }
    const known = slots.get(body.seq);
    if (known === undefined) {
      slots.set(body.seq, [candidate]);
      return;
    }
    known.push(candidate);
    const contested = this.#contested.get(body.cell) ?? new Set<bigint>();
    this.#contested.set(body.cell, contested.add(body.seq));
  }
}
