/**
 * Which entries the witnesses' graph of the present epoch has. Each epoch begins it anew, at its floor: where
 * the logs ended in the cut that closed the epoch before.
 *
 *   - An entry of the present epoch may link to the ends at the floor and to other entries of the epoch, and rests
 *     on all of that. One that links to anything else never gets in.
 *   - The first one of a log follows on the log's end at the floor.
 *   - Of an entry of an earlier epoch every vote is void: it belongs to the graph no more, for anybody.
 *   - An entry of a later epoch waits for that to begin: what it may link to is not known yet.
 *   - How far a log may go in an epoch is bounded (`entryRoom.ts`).
 *
 * So what a node must remember to say whether an entry is sound is what the epoch brought, and the same at each
 * node, however long it has run and wherever it began.
 */
import type {Hash} from "../primitives/id.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Head} from "./checkpoint.ts";
import type {Entry} from "./entry.ts";
import {epochOfEntry, placeOfEntry} from "./entryNumber.ts";

/** Where an entry belongs. */
export type Place = {readonly witness: number; readonly n: bigint};

/** With the bytes of ops that its log carries in the epoch up to it. */
export type GraphPlace = Place & {readonly carried: number};

export class EpochGraph {
  readonly #epochOf: (entry: Entry) => number;
  readonly #roomOf: (entry: Entry) => bigint;
  #epoch = 1;
  /** By witness. */
  #floor: ReadonlyMap<number, Head> = new Map();
  /** Of everything in it, in memory or not. */
  readonly #places = new Map<Hash, GraphPlace>();

  /** `epochOf`: in which epoch an entry votes by its stamp; `roomOf`: how far its log may go in its epoch. */
  constructor(epochOf: (entry: Entry) => number, roomOf: (entry: Entry) => bigint) {
    this.#epochOf = epochOf;
    this.#roomOf = roomOf;
  }

  /** Nothing is in it yet but the floor. */
  begin(epoch: number, floor: readonly Head[]): void {
    this.#epoch = epoch;
    this.#floor = new Map(floor.map((head) => [head.witness, head]));
    this.#places.clear();
    for (const head of floor) this.add(head.hash, {...head, carried: 0});
  }

  add(hash: Hash, {witness, n, carried}: GraphPlace): void {
    this.#places.set(hash, {witness, n, carried});
  }

  /** Bytes of ops that the log carries in this epoch up to here. */
  carriedAt(hash: Hash): number {
    return this.#places.get(hash)?.carried ?? 0;
  }

  has(hash: Hash): boolean {
    return this.#places.has(hash);
  }

  /** Of an epoch that has not begun. */
  isEarly(entry: Entry): boolean {
    return epochOfEntry(entry.header.n) > this.#epoch;
  }

  /** Of an epoch that is over, or the first one of its log and not on the floor: it never belongs to the graph. */
  isOutside({header: {witness, n, prev}}: Entry): boolean {
    const epoch = epochOfEntry(n);
    if (epoch !== this.#epoch) return epoch < this.#epoch;
    return placeOfEntry(n) === 1n && prev !== (this.#floor.get(witness)?.hash ?? ZERO_HASH);
  }

  /** Further than its log may go in this epoch, as far as checkpoints are known. */
  isBeyond(entry: Entry): boolean {
    return !this.isEarly(entry) && placeOfEntry(entry.header.n) > this.#roomOf(entry);
  }

  /** Whether something that it rests on will never be here in this epoch. */
  isHopeless(entry: Entry): boolean {
    return entry.header.refs.some((ref) => !this.has(ref.hash) && this.isBelow(ref));
  }

  /** Of an epoch that is over. */
  isBelow({n}: Pick<Place, "n">): boolean {
    return epochOfEntry(n) < this.#epoch;
  }

  /** Its links must say the truth about whose entries they are; all of them are in the graph. So must its number. */
  linkProblem(entry: Entry): "number" | "prev" | "ref" | undefined {
    const {header} = entry;
    if (epochOfEntry(header.n) !== this.#epochOf(entry)) return "number";
    const isFirst = placeOfEntry(header.n) === 1n;
    if (!isFirst && !this.#isAt(header.prev, {...header, n: header.n - 1n})) return "prev";
    return header.refs.every((ref) => this.#isAt(ref.hash, ref)) ? undefined : "ref";
  }

  #isAt(hash: Hash, {witness, n}: Place): boolean {
    const place = this.#places.get(hash);
    return place?.witness === witness && place.n === n;
  }
}
