/**
 * The witnesses' logs as one graph (a blocklace). An entry is taken in only after everything it rests on, so
 * whatever is here has here what counts of its causal past (`epochGraph.ts`). Until then it waits, bounded.
 *
 * A witness that forks its log keeps, until the epoch ends, the branch seen first; entries of it beyond that, and
 * of other branches, are taken in only when an entry of another witness links to them. Honest witnesses link to
 * nothing further of a forker, so a fork harms a finite prefix. The log of a witness that has left its
 * committee is treated alike.
 */
import type {Hash} from "../primitives/id.ts";
import {bytesOf, type CarryLimits, CarryRoom, type Loads} from "./carryRoom.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Head} from "./checkpoint.ts";
import {type Entry, linksOf} from "./entry.ts";
import {ENTRY_ROOM} from "./entryRoom.ts";
import {EpochGraph, type GraphPlace} from "./epochGraph.ts";
import {HELD_PER_WITNESS_MAX, Orphans} from "./orphans.ts";

export type EntryNode = {
  readonly entry: Entry;
  /** On the branch that this node saw first. */
  readonly isMain: boolean;
  /** Inside the cut of the last checkpoint. */
  isCovered: boolean;
  /** Every op that it carries was resolved at some checkpoint: votes for them no longer count. */
  isSettled: boolean;
};

export type Offered =
  /** Taken in, causes first: the entry, and those that had waited for it. */
  | {readonly kind: "ingested"; readonly nodes: readonly EntryNode[]}
  | {readonly kind: "known"}
  /** Of an epoch that is over, or on no floor. */
  | {readonly kind: "outside"}
  /** Its log may not go so far yet. */
  | {readonly kind: "beyond"}
  /** Something that it rests on is missing. */
  | {readonly kind: "waiting"}
  /** Of a forked log and linked to by nobody, or of no use in this epoch. */
  | {readonly kind: "held"}
  | {readonly kind: "invalid"; readonly reason: string};

/** What a node that starts knows of the graph. */
export type StartingGraph = {
  readonly epoch: number;
  /** Ends of the logs in the cut that closed the epoch before. */
  readonly floor: readonly Head[];
  /** Ends of the logs in the last cut. */
  readonly heads: readonly Head[];
  /** Of what the cuts since the floor cover. */
  readonly places: readonly (Head & GraphPlace)[];
  /** Bytes that logs carry in those cuts, by height. */
  readonly loads: readonly (readonly [bigint, Loads])[];
  /** Height of the cut that closed the epoch before. */
  readonly floorH: bigint;
  /** Entries in the last cut, without their past: for peers that lag. */
  readonly covered: readonly Entry[];
  /** What is here beyond those ends. */
  readonly entries: readonly Entry[];
};

/** Covered entries kept for peers that lag. */
const COVERED_MAX = 4_096;
const COVERED_BYTES_MAX = 32 * 1024 * 1024;

export class Dag {
  readonly #nodes = new Map<Hash, EntryNode>();
  readonly #graph: EpochGraph;
  readonly #heads = new Map<number, Head>();
  readonly #forked = new Set<number>();
  readonly #orphans = new Orphans();
  /** Highest n of each witness that was dropped from memory. */
  readonly #dropped = new Map<number, bigint>();
  readonly #isServing: (seat: number) => boolean;
  readonly #carryRoom: CarryRoom;

  /**
   * `isServing`: whose entries are taken in before anybody links to them; `epochOf`: in which epoch one votes by
   * its stamp; `roomOf`: how far its log may go in its epoch; `carryLimits`: how much it may carry.
   */
  constructor(
    isServing: (seat: number) => boolean,
    epochOf: (entry: Entry) => number,
    roomOf: (entry: Entry) => bigint,
    carryLimits: CarryLimits = ENTRY_ROOM,
  ) {
    this.#isServing = isServing;
    this.#carryRoom = new CarryRoom(carryLimits);
    this.#graph = new EpochGraph(epochOf, roomOf);
  }

  node(hash: Hash): EntryNode | undefined {
    return this.#nodes.get(hash);
  }

  /** Whether entries of this epoch may link to it. */
  has(hash: Hash): boolean {
    return this.#graph.has(hash);
  }

  /** In the graph, or of an epoch before and still in memory. */
  remembers(hash: Hash): boolean {
    return this.has(hash) || this.#nodes.has(hash);
  }

  head(witness: number): Head | undefined {
    return this.#heads.get(witness);
  }

  /** By witness, ascending. */
  heads(): Head[] {
    return [...this.#heads.values()].sort((left, right) => left.witness - right.witness);
  }

  /**
   * Heads to ask others from: below everything that is waited for. A log that forked below our head would
   * else never bring us its other branch. Far above the head of a log whose entries are taken in only when they are
   * linked to, it is asked for as much of what a link needs as can be held: so it comes from the link on down.
   */
  wantedHeads(): Head[] {
    const wanted = new Map<number, bigint>();
    for (const {witness, n} of this.#orphans.missingPlaces()) {
      if (!this.#graph.isBelow({n}) && n <= (wanted.get(witness) ?? n)) wanted.set(witness, n);
    }
    return this.heads().map((head) => {
      const n = wanted.get(head.witness) ?? head.n + 1n;
      const isAbove = n > head.n;
      const from = isAbove ? n - BigInt(HELD_PER_WITNESS_MAX) : n - 1n;
      if (isAbove && (from <= head.n || !this.#isDoubtful(head.witness))) return head;
      return {...head, n: from};
    });
  }

  isForked(witness: number): boolean {
    return this.#forked.has(witness);
  }

  /** Another entry of the same witness with the same number, while it is in memory: proof of a fork. */
  rivalOf({header, hash}: Entry): Entry | undefined {
    for (const {entry} of this.#nodes.values()) {
      const isSame = entry.header.witness === header.witness && entry.header.n === header.n;
      if (isSame && entry.hash !== hash) return entry;
    }
    return undefined;
  }

  /** Every entry in memory, causes first. */
  nodes(): Iterable<EntryNode> {
    return this.#nodes.values();
  }

  get waiting(): number {
    return this.#orphans.size;
  }

  /** True for entries that need no look at their signature: they are here, or wait. */
  isKnown(hash: Hash): boolean {
    return this.remembers(hash) || this.#orphans.has(hash);
  }

  /** Takes in an entry whose author was checked. */
  offer(entry: Entry): Offered {
    if (this.isKnown(entry.hash)) return {kind: "known"};
    if (this.#graph.isOutside(entry)) {
      if (this.rivalOf(entry) !== undefined) this.#forked.add(entry.header.witness);
      return {kind: "outside"};
    }
    if (this.isBeyond(entry)) return {kind: "beyond"};
    if (this.#graph.isEarly(entry)) {
      this.#orphans.add(entry, []);
      return {kind: "held"};
    }
    if (this.#carryRoom.isAhead(entry)) {
      this.#orphans.addAhead(entry);
      return {kind: "held"};
    }
    if (this.#isUnwanted(entry)) {
      this.#orphans.hold(entry);
      return {kind: "held"};
    }
    const first = this.#admit(entry);
    return first.kind === "ingested" ? {kind: "ingested", nodes: this.#withFreed(first.nodes)} : first;
  }

  /**
   * Takes in what was held back here and a final checkpoint names: it belongs to the graph for everybody. The
   * last entries of a witness that leaves are perhaps linked to by nobody.
   */
  admitNamed(heads: readonly Head[]): readonly EntryNode[] {
    const missing = heads.map(({hash}) => hash).filter((hash) => !this.has(hash));
    this.#orphans.name(missing);
    return missing.flatMap((hash) => {
      const held = this.#orphans.takeHeld(hash);
      const admitted = held && this.#admit(held);
      return admitted?.kind === "ingested" ? this.#withFreed(admitted.nodes) : [];
    });
  }

  /** An entry that waited may free others in turn. */
  #withFreed(causes: readonly EntryNode[]): EntryNode[] {
    const nodes = [...causes];
    for (const {entry: cause} of nodes) {
      for (const waiting of this.#orphans.freedBy(cause.hash)) nodes.push(...this.#admitFreed(waiting));
    }
    return nodes;
  }

  /** What it waited for is here; its author's log may have been seen to fork since. */
  #admitFreed(entry: Entry): readonly EntryNode[] {
    if (this.#isUnwanted(entry)) {
      this.#orphans.hold(entry);
      return [];
    }
    const admitted = this.#admit(entry);
    return admitted.kind === "ingested" ? admitted.nodes : [];
  }

  /** What no checkpoint covers yet in the causal past of `heads`, causes first; `undefined` when one is not here. */
  uncoveredPast(heads: readonly Head[]): EntryNode[] | undefined {
    const found = new Set<EntryNode>();
    const open = heads.map(({hash}) => hash);
    if (open.some((hash) => !this.has(hash))) return undefined;
    for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
      const node = this.#nodes.get(hash);
      if (node === undefined || node.isCovered || found.has(node)) continue;
      found.add(node);
      open.push(...linksOf(node.entry));
    }
    return [...this.#nodes.values()].filter((node) => found.has(node));
  }

  /**
   * Takes in an entry that rests on what is here, as it is, branches of forked logs too: for replays, where it is
   * decided already what belongs to the graph. Says what is wrong with its links; then nothing changed.
   */
  replay(entry: Entry): "missing" | "number" | "prev" | "ref" | undefined {
    if (this.missingFor(entry).length > 0) return "missing";
    const problem = this.#graph.linkProblem(entry);
    if (problem === undefined) this.#put(entry);
    return problem;
  }

  /** What an entry rests on and is not here. */
  missingFor(entry: Entry): Hash[] {
    return linksOf(entry).filter((hash) => !this.has(hash));
  }

  /** Whether no cut can ever cover it any more. */
  isOutside(entry: Entry): boolean {
    return this.#graph.isOutside(entry);
  }

  /** Whether its log may not go so far yet: worth no look at its signature. */
  isBeyond(entry: Entry): boolean {
    return this.#graph.isBeyond(entry);
  }

  /** Only when restoring: nothing is here yet. */
  restore({epoch, floor, floorH, heads, places, loads, covered, entries}: StartingGraph): void {
    this.#graph.begin(epoch, floor);
    this.#carryRoom.begin(floorH);
    for (const [height, each] of loads) this.#carryRoom.note(height, each);
    for (const place of places) this.#graph.add(place.hash, place);
    for (const head of heads) if (!this.has(head.hash)) this.#graph.add(head.hash, {...head, carried: 0});
    for (const entry of covered.filter(({hash, header}) => this.has(hash) || this.#graph.isBelow(header)))
      this.#nodes.set(entry.hash, {entry, isMain: true, isCovered: true, isSettled: false});
    for (const head of heads) {
      this.#heads.set(head.witness, head);
      this.#dropped.set(head.witness, this.#gapBelow(head));
    }
    // A cut may cover more of a log than the end that its leader named: the log goes on behind all of that.
    const beyond = entries.filter(({hash}) => this.has(hash));
    beyond.sort((left, right) => Number(left.header.n - right.header.n));
    for (const entry of beyond) this.#put(entry).isCovered = true;
  }

  /**
   * Begins the graph of an epoch at the cut that closed the one before. What that did not cover is void, and every
   * log goes on from its end there. Returns what waited for the epoch.
   */
  beginEpoch(epoch: number, floor: readonly Head[], floorH: bigint): readonly EntryNode[] {
    this.#graph.begin(epoch, floor);
    this.#carryRoom.begin(floorH);
    for (const [hash, {isCovered}] of this.#nodes) if (!isCovered) this.#nodes.delete(hash);
    this.#heads.clear();
    for (const head of floor) this.#heads.set(head.witness, head);
    this.#forked.clear();
    return this.#offerAll(this.#orphans.takeAll());
  }

  /** The cut of this height is adopted. Returns what had waited to be judged by it. */
  noteLoads(height: bigint, loads: Loads): readonly EntryNode[] {
    this.#carryRoom.note(height, loads);
    return this.#offerAll(this.#orphans.takeAhead());
  }

  /** See `EpochGraph`. */
  carriedAt(hash: Hash): number {
    return this.#graph.carriedAt(hash);
  }

  /** How many bytes of ops an honest writer may put into its next entry; 0 for none. */
  ownCarryRoom(witness: number, stampH: bigint): number {
    const before = this.carriedAt(this.#heads.get(witness)?.hash ?? ZERO_HASH);
    return this.#carryRoom.ownRoom(stampH, witness, before);
  }

  #offerAll(entries: readonly Entry[]): EntryNode[] {
    return entries.flatMap((entry) => {
      const offered = this.offer(entry);
      return offered.kind === "ingested" ? offered.nodes : [];
    });
  }

  /** Drops covered entries beyond what is kept for others, oldest first. Those not settled stay. */
  prune(): void {
    const covered = [...this.#nodes.values()].filter((node) => node.isCovered);
    let bytes = covered.reduce((sum, {entry}) => sum + entry.bytes.length, 0);
    let count = covered.length;
    const heads = new Set(this.heads().map(({hash}) => hash));
    for (const node of covered) {
      if (count <= COVERED_MAX && bytes <= COVERED_BYTES_MAX) break;
      const {hash, header} = node.entry;
      if (heads.has(hash) || !node.isSettled) continue;
      this.#nodes.delete(hash);
      if (header.n > (this.#dropped.get(header.witness) ?? 0n)) this.#dropped.set(header.witness, header.n);
      count -= 1;
      bytes -= node.entry.bytes.length;
    }
  }

  /** False when entries after these heads are not in memory. */
  holdsAfter(heads: readonly Head[]): boolean {
    const known = new Map(heads.map(({witness, n}) => [witness, n]));
    return [...this.#dropped].every(([witness, n]) => (known.get(witness) ?? 0n) >= n);
  }

  /** No number that is missing below a head is higher. */
  #gapBelow(head: Head): bigint {
    let below = head.n - 1n;
    for (let node = this.#nodes.get(head.hash); node !== undefined; ) {
      const {n, prev} = node.entry.header;
      below = prev === ZERO_HASH ? 0n : n - 1n;
      node = this.#nodes.get(prev);
    }
    return below;
  }

  /** A fork, more of a forked log, or more of who has no vote any more, that nothing here waits for. */
  #isUnwanted({header: {witness, n}, hash}: Entry): boolean {
    const head = this.#heads.get(witness);
    if (head !== undefined && n <= head.n) this.#forked.add(witness);
    return this.#isDoubtful(witness) && !this.#orphans.isWantedByOthers(hash, witness);
  }

  #isDoubtful(witness: number): boolean {
    return this.#forked.has(witness) || !this.#isServing(witness);
  }

  #admit(entry: Entry): Offered {
    const missing = this.missingFor(entry);
    if (missing.length > 0) {
      const isHopeless = this.#graph.isHopeless(entry);
      this.#orphans.add(entry, missing);
      return isHopeless ? {kind: "held"} : this.#admitHeld(missing);
    }
    const problem = this.#graph.linkProblem(entry);
    if (problem !== undefined) return {kind: "invalid", reason: problem};
    if (!this.#carryRoom.hasRoom(entry, this.carriedAt(entry.header.prev))) return {kind: "outside"};
    return {kind: "ingested", nodes: [this.#put(entry)]};
  }

  #put(entry: Entry): EntryNode {
    const {witness, n, prev} = entry.header;
    const head = this.#heads.get(witness);
    const isMain = prev === (head?.hash ?? ZERO_HASH);
    const node: EntryNode = {entry, isMain, isCovered: false, isSettled: false};
    this.#nodes.set(entry.hash, node);
    const carried = this.carriedAt(prev) + bytesOf(entry.carry);
    this.#graph.add(entry.hash, {witness, n, carried});
    if (isMain) this.#heads.set(witness, {witness, n, hash: entry.hash});
    else this.#forked.add(witness);
    return node;
  }

  /** An entry that was held back because nobody linked to it may be what this one waits for. */
  #admitHeld(missing: readonly Hash[]): Offered {
    const nodes: EntryNode[] = [];
    for (const hash of missing) {
      const held = this.#orphans.takeHeld(hash);
      if (held === undefined) continue;
      const offered = this.#admit(held);
      if (offered.kind === "ingested") nodes.push(...offered.nodes);
    }
    if (nodes.length === 0) return {kind: "waiting"};
    const freed = nodes.flatMap((node) => this.#orphans.freedBy(node.entry.hash));
    for (const each of freed) nodes.push(...this.#admitFreed(each));
    return {kind: "ingested", nodes};
  }
}
