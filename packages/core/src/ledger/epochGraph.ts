/**
 * Which entries the witnesses' graph of the present epoch has. Each epoch begins it anew, at its floor: where
 * the logs ended in the cut that closed the epoch before.
 *
 *   - An entry below the floor, or beside it, belongs to the graph no more, for anybody.
 *   - An entry of the present epoch may link to the ends at the floor and to what stands above them, and rests on
 *     all of that. One that links below waits for its epoch to end.
 *   - Of an entry of an earlier epoch every vote is void, so it rests on the one before it in its log alone.
 *   - An entry of a later epoch waits for that to begin: what it may link to is not known yet.
 *   - How far a log may go above the floor is bounded (`entryRoom.ts`).
 *
 * So what a node must remember to say whether an entry is sound is what the epoch brought, and the same at each
 * node, however long it has run and wherever it began.
 */
import type {Hash} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import {type Entry, linksOf} from "./entry.ts";

/** Where an entry belongs. */
export type Place = {readonly witness: number; readonly n: bigint};

export class EpochGraph {
  readonly #epochOf: (entry: Entry) => number;
  readonly #roomOf: (entry: Entry) => bigint;
  #epoch = 1;
  /** By witness. */
  #floor: ReadonlyMap<number, Head> = new Map();
  /** Of everything in it, in memory or not. */
  readonly #places = new Map<Hash, Place>();

  /** `epochOf`: in which epoch an entry votes; `roomOf`: how far above the floor it may stand. */
  constructor(epochOf: (entry: Entry) => number, roomOf: (entry: Entry) => bigint) {
    this.#epochOf = epochOf;
    this.#roomOf = roomOf;
  }

  /** Nothing is in it yet but the floor. */
  begin(epoch: number, floor: readonly Head[]): void {
    this.#epoch = epoch;
    this.#floor = new Map(floor.map((head) => [head.witness, head]));
    this.#places.clear();
    for (const head of floor) this.add(head.hash, head);
  }

  add(hash: Hash, {witness, n}: Place): void {
    this.#places.set(hash, {witness, n});
  }

  has(hash: Hash): boolean {
    return this.#places.has(hash);
  }

  placeOf(hash: Hash): Place | undefined {
    return this.#places.get(hash);
  }

  floorOf(witness: number): Head | undefined {
    return this.#floor.get(witness);
  }

  /** Of an epoch that has not begun. */
  isEarly(entry: Entry): boolean {
    return this.#epochOf(entry) > this.#epoch;
  }

  /** At the floor, below it, or right above it and not on it: it never belongs to the graph again. */
  isOutside({header: {witness, n, prev}}: Entry): boolean {
    const floor = this.#floor.get(witness);
    return floor !== undefined && (n <= floor.n || (n === floor.n + 1n && prev !== floor.hash));
  }

  /** Further above the floor than its log may go in this epoch, as far as checkpoints are known. */
  isBeyond(entry: Entry): boolean {
    const {witness, n} = entry.header;
    return !this.isEarly(entry) && n > (this.#floor.get(witness)?.n ?? 0n) + this.#roomOf(entry);
  }

  /** Whether its own log below it is in the graph, and it may be. */
  isOnFloor(entry: Entry): boolean {
    if (this.isOutside(entry) || this.isBeyond(entry)) return false;
    return entry.header.n === 1n || this.has(entry.header.prev);
  }

  /** What it rests on. */
  needsOf(entry: Entry): readonly Hash[] {
    if (this.#epochOf(entry) >= this.#epoch) return linksOf(entry);
    return entry.header.n > 1n ? [entry.header.prev] : [];
  }

  /** Whether something that it rests on will never be here in this epoch. */
  isHopeless(entry: Entry): boolean {
    const needs = new Set(this.needsOf(entry));
    return entry.header.refs.some((ref) => needs.has(ref.hash) && !this.has(ref.hash) && this.isBelow(ref));
  }

  isBelow({witness, n}: Place): boolean {
    return n <= (this.#floor.get(witness)?.n ?? 0n);
  }

  /** The links that it rests on must say the truth about whose entries they are; all of them are in the graph. */
  linkProblem(entry: Entry): "prev" | "ref" | undefined {
    const {header} = entry;
    if (header.n > 1n && !this.#isAt(header.prev, {...header, n: header.n - 1n})) return "prev";
    const isDead = this.#epochOf(entry) < this.#epoch;
    return isDead || header.refs.every((ref) => this.#isAt(ref.hash, ref)) ? undefined : "ref";
  }

  #isAt(hash: Hash, {witness, n}: Place): boolean {
    const place = this.#places.get(hash);
    return place?.witness === witness && place.n === n;
  }
}
