/**
 * When to ask for bids instead of taking the best standing ask, and which bid wins (reference/mechanisms
 * A.4). First price, sealed, scored by the same index as any route: the best ask is the reserve.
 */
import type {Random} from "../ports/random.ts";
import type {Hash} from "../primitives/id.ts";
import {WINDOW_MS} from "./offer.ts";
import type {Quote} from "./quote.ts";
import {type Candidate, type RoutePolicy, type RouteResult, route} from "./route.ts";

/** Before any auction was held: what simulations saved with 8 to 60 bidders. */
export const SAVING_PRIOR = 0.05;
const SAVING_WEIGHT = 0.2;

export type AuctionQuestion = {
  /** ŝ: expected saving as a share of the best ask. */
  readonly saving: number;
  /** Expected price at the best standing ask, in µCTZ; `undefined` when no fresh ask exists. */
  readonly bestPrice: bigint | undefined;
  /** µCTZ a second. */
  readonly valueOfTime: number;
  readonly windowMs: number;
  /** What sending and reading the messages costs us, in µCTZ. */
  readonly messageCost: number;
  /** The user said `--auction`. */
  readonly isForced: boolean;
};

export type AuctionAnswer = {
  readonly isWorthIt: boolean;
  readonly reason: "forced" | "noAsk" | "savingAboveWait" | "waitAboveSaving";
};

/** An auction pays iff the expected saving beats the value of the time that its window takes. */
export function shouldAuction(question: AuctionQuestion): AuctionAnswer {
  if (question.isForced) return {isWorthIt: true, reason: "forced"};
  if (question.bestPrice === undefined) return {isWorthIt: true, reason: "noAsk"};
  const expected = question.saving * Number(question.bestPrice);
  const cost = (question.valueOfTime * question.windowMs) / 1_000 + question.messageCost;
  return expected > cost
    ? {isWorthIt: true, reason: "savingAboveWait"}
    : {isWorthIt: false, reason: "waitAboveSaving"};
}

/** Three median round trips, within bounds. */
export function windowMsFor(medianRttMs: number | undefined): number {
  if (medianRttMs === undefined) return WINDOW_MS.default;
  return Math.min(WINDOW_MS.max, Math.max(WINDOW_MS.min, Math.round(3 * medianRttMs)));
}

/** ŝ after one more auction. A winning bid above the best ask saved nothing. */
export function nextSaving(saving: number, bestAsk: bigint, winningBid: bigint): number {
  if (bestAsk <= 0n) return saving;
  const seen = Math.max(0, Number(bestAsk - winningBid) / Number(bestAsk));
  return saving + SAVING_WEIGHT * (seen - saving);
}

/** A bid: the bidder as a candidate at its quoted price, with the hash that the award will list. */
export type Bid = {readonly candidate: Candidate; readonly quote: Quote; readonly hash: Hash};

export type AuctionResult = {
  /** The winning bid, or `undefined` when a standing ask (or nobody) is better. */
  readonly winner: Bid | undefined;
  readonly route: RouteResult;
  /** Of every bid that came in time, for the award. */
  readonly bidHashes: readonly Hash[];
};

/** Bids and standing asks in one ranking; a bidder's bid replaces its ask. */
export function closeAuction(
  bids: readonly Bid[],
  standing: readonly Candidate[],
  policy: RoutePolicy,
  random: Random,
): AuctionResult {
  const byPeer = new Map<string, Bid>();
  for (const bid of bids) {
    const before = byPeer.get(bid.candidate.peer);
    // One bid a bidder: the lower price, and of two equal ones the lower hash, whatever came first.
    if (before === undefined || isLower(bid, before)) byPeer.set(bid.candidate.peer, bid);
  }
  const others = standing.filter(({peer}) => !byPeer.has(peer));
  const result = route([...[...byPeer.values()].map((bid) => bid.candidate), ...others], policy, random);
  const best = result.ranked[0]?.candidate;
  const winner = best === undefined ? undefined : byPeer.get(best.peer);
  return {winner, route: result, bidHashes: bids.map(({hash}) => hash)};
}

function isLower(left: Bid, right: Bid): boolean {
  if (left.quote.chargeMax !== right.quote.chargeMax) return left.quote.chargeMax < right.quote.chargeMax;
  return left.hash < right.hash;
}
