/**
 * Range-based set reconciliation (Meyer 2022; the idea of negentropy): two peers find out in which keys their
 * sets differ, at a cost that follows the differences. A message covers the keys from the lowest up in ranges;
 * each is equal, or has a fingerprint, or lists its keys. Whoever finds another fingerprint than its own splits
 * the range, or lists it when it has few there. Only the asker learns what differs, from lists, so a range
 * ends where the one who answers lists it.
 *
 *   message = count u16 | ranges
 *   range   = end: u8 length ≤ 20, bytes, ascending; 0: no end | 0 equal
 *                                                              | 1, fingerprint 16
 *                                                              | 2, count u8 ≤ 64, keys of 16 bytes
 */
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import {refuse} from "./canonical.ts";
import {FINGERPRINT_BYTES, KEY_BYTES, type KeyedSet} from "./keyedSet.ts";

/** A list is cheaper than another round where a side has so few. */
export const LIST_MAX = 64;
/** A message that would grow further covers its rest with one fingerprint: the next round goes on there. */
export const MESSAGE_BYTES_MAX = 64 * 1024;
/** Sets of the greatest size that differ in everything that may be asked for take fewer. */
export const ROUNDS_MAX = 64;
/** Ops that one comparison brings each way at most; the next brings more. */
export const DIFFERENCES_MAX = 4_096;

const SPLIT = 16;
const PLACE_BYTES = 4 + KEY_BYTES;
const RANGE_BYTES_MAX = 1 + PLACE_BYTES + 2 + LIST_MAX * KEY_BYTES;
/** Above every place. */
const NO_END = "g";

type Range =
  | {readonly end: string; readonly kind: "equal"}
  | {readonly end: string; readonly kind: "fingerprint"; readonly fingerprint: Uint8Array}
  | {readonly end: string; readonly kind: "list"; readonly keys: readonly string[]};

/** What a range says to one side: nothing more, or ranges to answer with. */
type Turn = (range: Range, from: number, to: number) => readonly Range[];

/** One comparison at the side that asks. */
export class Comparison {
  readonly #set: KeyedSet;
  readonly #offered = new Set<string>();
  readonly #wanted = new Set<string>();
  #rounds = 0;

  constructor(set: KeyedSet) {
    this.#set = set;
  }

  /** Keys of ops here that the other side lacks. */
  get offered(): ReadonlySet<string> {
    return this.#offered;
  }

  /** Keys of ops that are missing here. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  first(): Uint8Array {
    return encode(refine(this.#set, {from: 0, to: this.#set.size, end: NO_END}));
  }

  /** The next question; `undefined` when all is known, or enough for once. Throws `DECODE_INVALID`. */
  next(answer: Uint8Array): Uint8Array | undefined {
    this.#rounds += 1;
    const ranges = turn(this.#set, decode(answer), (range, from, to) => this.#take(range, from, to));
    const isFull = this.#offered.size >= DIFFERENCES_MAX || this.#wanted.size >= DIFFERENCES_MAX;
    const isOver = ranges.every(({kind}) => kind === "equal");
    return isOver || isFull || this.#rounds >= ROUNDS_MAX ? undefined : encode(ranges);
  }

  #take(range: Range, from: number, to: number): readonly Range[] {
    if (range.kind !== "list") return compared(this.#set, range, {from, to});
    const theirs = new Set(range.keys);
    const own = this.#set.keys(from, to);
    for (const key of own)
      if (!theirs.delete(key) && this.#offered.size < DIFFERENCES_MAX) this.#offered.add(key);
    for (const key of theirs) if (this.#wanted.size < DIFFERENCES_MAX) this.#wanted.add(key);
    return [{end: range.end, kind: "equal"}];
  }
}

/** The other side: it keeps nothing between two rounds. Throws `DECODE_INVALID`. */
export function answerTo(set: KeyedSet, question: Uint8Array): Uint8Array {
  const ranges = turn(set, decode(question), (range, from, to) =>
    range.kind === "list" ? refine(set, {from, to, end: range.end}) : compared(set, range, {from, to}),
  );
  return encode(ranges);
}

type Place = {readonly from: number; readonly to: number};

function turn(set: KeyedSet, ranges: readonly Range[], take: Turn): Range[] {
  const answers: Range[] = [];
  let [from, bytes] = [0, 0];
  for (const range of ranges) {
    const to = range.end === NO_END ? set.size : Math.max(from, set.from(range.end));
    for (const each of take(range, from, to)) {
      answers.push(each);
      bytes += sizeOf(each);
    }
    from = to;
    // Room for what one range may be split into, and for the rest.
    if (bytes <= MESSAGE_BYTES_MAX - (SPLIT + 1) * RANGE_BYTES_MAX || range.end === NO_END) continue;
    const fingerprint = set.fingerprint(from, set.size);
    return [...answers, {end: NO_END, kind: "fingerprint", fingerprint}];
  }
  return answers;
}

function compared(set: KeyedSet, range: Range, {from, to}: Place): readonly Range[] {
  const {end} = range;
  const isEqual =
    range.kind === "equal" ||
    (range.kind === "fingerprint" && equalBytes(range.fingerprint, set.fingerprint(from, to)));
  return isEqual ? [{end, kind: "equal"}] : refine(set, {from, to, end});
}

/** A list where few are here, else the fingerprints of sixteen parts. */
function refine(set: KeyedSet, {from, to, end}: Place & {readonly end: string}): readonly Range[] {
  const count = to - from;
  if (count <= LIST_MAX) return [{end, kind: "list", keys: set.keys(from, to)}];
  const cuts = Array.from({length: SPLIT + 1}, (_, at) => from + Math.floor((count * at) / SPLIT));
  return cuts.slice(1).map((cut, at) => ({
    end: cut === to ? end : set.boundAt(cut),
    kind: "fingerprint",
    fingerprint: set.fingerprint(cuts[at] ?? from, cut),
  }));
}

function sizeOf(range: Range): number {
  const body = range.kind === "list" ? 1 + range.keys.length * KEY_BYTES : FINGERPRINT_BYTES;
  return 1 + PLACE_BYTES + 1 + (range.kind === "equal" ? 0 : body);
}

/** Neighbours that are equal become one; nothing after the last one that is not. */
function encode(ranges: readonly Range[]): Uint8Array {
  const told = ranges.filter(({kind}, at) => kind !== "equal" || ranges[at + 1]?.kind !== "equal");
  if (told.at(-1)?.kind === "equal") told.pop();
  const writer = new ByteWriter().u16(told.length);
  for (const range of told) {
    const end = range.end === NO_END ? new Uint8Array() : fromHex(range.end);
    writer.u8(end.length).raw(end);
    writer.u8(range.kind === "equal" ? 0 : range.kind === "fingerprint" ? 1 : 2);
    if (range.kind === "fingerprint") writer.raw(range.fingerprint);
    if (range.kind !== "list") continue;
    writer.u8(range.keys.length);
    for (const key of range.keys) writer.raw(fromHex(key));
  }
  return writer.finish();
}

function decode(bytes: Uint8Array): Range[] {
  if (bytes.length > MESSAGE_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  const ranges: Range[] = [];
  let last = "";
  for (let left = reader.u16(); left > 0; left -= 1) {
    const length = reader.count(reader.u8(), PLACE_BYTES);
    const end = length === 0 ? NO_END : reader.hex(length);
    if (end <= last) refuse("rangeOrder");
    last = end;
    ranges.push(readRange(reader, end));
  }
  reader.finish();
  return ranges;
}

function readRange(reader: ByteReader, end: string): Range {
  const kind = reader.u8();
  if (kind === 0) return {end, kind: "equal"};
  if (kind === 1) return {end, kind: "fingerprint", fingerprint: reader.raw(FINGERPRINT_BYTES)};
  if (kind !== 2) refuse("rangeKind");
  const count = reader.count(reader.u8(), LIST_MAX);
  const keys = Array.from({length: count}, () => reader.hex(KEY_BYTES));
  return {end, kind: "list", keys};
}
