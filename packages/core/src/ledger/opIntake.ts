/** Ops that are handed in: checked once, then kept until an entry carries them. */
import type {ErrorCode} from "../errors/table.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {PeerId} from "../primitives/id.ts";
import {type Refusal, votable} from "./apply.ts";
import type {Book} from "./book.ts";
import type {LogCell} from "./cell.ts";
import type {Effect} from "./effects.ts";
import type {Liars} from "./liars.ts";
import type {Op} from "./op.ts";
import type {Pool, PoolItem} from "./pool.ts";
import {decoded, rejected} from "./rejection.ts";
import {isResolved} from "./resolved.ts";
import type {Voter} from "./voter.ts";

export type OpIntakeComponents = {
  readonly book: Book;
  readonly pool: Pool;
  readonly voter: Voter;
  readonly liars: Liars;
  /** Whether what waits here may still be voted for by this node. */
  readonly isWitness: () => boolean;
  readonly decode: (bytes: Uint8Array) => Op;
};

type From = PeerId | undefined;

/** Ops of one cell beyond its head that may wait: more is no honest pipeline. */
const SEQ_WINDOW = 4_096n;
/** A follower hears of an op's fate in seconds; what nobody carries in this time is forgotten. */
const FOLLOWER_WAIT_MS = 60_000;
/** Without a checkpoint for so long nobody could carry anything: then that time begins anew. */
const STILL_MS = 30_000;
/** Ops of one cell that a follower keeps for others. */
const FOLLOWER_SEQ_WINDOW = 64n;

/** What this op rests on may be on its way. */
const SHORT: ReadonlySet<Refusal> = new Set<Refusal>(["funds", "holding", "exposure"]);

export class OpIntake {
  readonly #components: OpIntakeComponents;
  #forgotMs = 0;
  /** Since when one checkpoint has followed another. */
  #steadyMs = 0;

  constructor(components: OpIntakeComponents) {
    this.#components = components;
  }

  take(bytes: Uint8Array, from: From, nowMs: number): Effect[] {
    const {book, pool, voter, decode} = this.#components;
    const read = decoded(decode, bytes, from);
    if ("refusal" in read) return [read.refusal];
    const op = read.value;
    if (book.isCertified(op.id) || this.#isHere(op)) return [];
    const refuse = (code: ErrorCode, reason: string) => [rejected({code, reason, op: op.id, from})];
    const cell = book.view.logCell(op.body.cell);
    if (cell?.head === op.id) return [];
    if (isResolved(book.view, op)) return refuse("OP_REJECTED", "seqUsed");
    // Before its signatures: accounts that are not there cost a stranger nothing.
    if (cell === undefined) return refuse("OP_REJECTED", "unknownCell");
    const check = voter.check(op, book.moment());
    if (!check.ok) return refuse(check.code, check.reason);
    const problem = this.#problem(op, from);
    if (problem !== undefined) return refuse(problem.code, problem.reason);
    return pool.add(op, from, {nowMs, isChecked: true}) ? [] : refuse("QUEUE_FULL", "pool");
  }

  /**
   * Waits here, or comes with entries that are looked at, in these very bytes: another copy of it may have a false
   * signature, and whoever spread that first would stop its owner.
   */
  #isHere({id, body, bytes}: Op): boolean {
    const {book, pool, voter, liars} = this.#components;
    if (voter.votedAt(book.epoch, body) === id) return true;
    const seen = book.tally.get(id);
    const carried = seen?.copies.filter(({mask}) => !liars.areAll(mask)).map(({op}) => op) ?? [];
    const waiting = pool.get(id);
    const copies = waiting === undefined ? carried : [...carried, waiting];
    return copies.some((copy) => equalBytes(copy.bytes, bytes));
  }

  /** After a checkpoint. */
  forget(nowMs: number): void {
    const {book, pool, isWitness} = this.#components;
    if (nowMs - this.#forgotMs > STILL_MS) this.#steadyMs = nowMs;
    this.#forgotMs = nowMs;
    const isFollower = !isWitness();
    const isOver = ({op, addedMs}: PoolItem) =>
      op.body.validUntilEpoch < book.epoch || nowMs - Math.max(addedMs, this.#steadyMs) > FOLLOWER_WAIT_MS;
    pool.drop((item) => isResolved(book.view, item.op) || (isFollower && isOver(item)));
  }

  /** What no wait will cure. */
  #problem(op: Op, from: From): {code: ErrorCode; reason: string} | undefined {
    const {book, voter} = this.#components;
    const {body} = op;
    const voted = voter.votedAt(book.epoch, body);
    if (voted !== undefined) return {code: "OP_REJECTED", reason: "slotTaken"};
    const cell = book.view.logCell(body.cell);
    if (cell !== undefined && body.seq > cell.seq + SEQ_WINDOW)
      return {code: "OP_REJECTED", reason: "seqGap"};
    const isKept = from !== undefined && !this.#components.isWitness();
    if (isKept && this.#isTooMuch(op, cell)) return {code: "QUEUE_FULL", reason: "cell"};
    const {stampH} = book.moment();
    const answer = votable(book.view, op, {height: stampH});
    if (answer.ok || answer.reason === "seqGap" || answer.reason === "clock") return undefined;
    // What a peer's op rests on may still be on its way here; our own wallet knows no more than we do.
    const isShort = SHORT.has(answer.reason);
    if (isShort && from !== undefined && !isKept) return undefined;
    return {code: answer.reason === "funds" ? "FUNDS_INSUFFICIENT" : "OP_REJECTED", reason: answer.reason};
  }

  /**
   * A follower keeps ops of others for witnesses that are out of reach, perhaps for long: few of each cell, so
   * that filling its pool takes many accounts with money.
   */
  #isTooMuch({id, body}: Op, cell: LogCell | undefined): boolean {
    const rival = this.#components.pool.at(body);
    const isOther = rival !== undefined && rival.op.id !== id;
    return isOther || body.seq > (cell?.seq ?? 0n) + FOLLOWER_SEQ_WINDOW;
  }
}
